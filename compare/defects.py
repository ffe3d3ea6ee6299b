#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""usage: defects.py LIST MAINLINE OURS [PEER]

Print what the program "defects" said on two or three kernels as a table in Markdown: a row for each
probe of LIST, a column for each kernel. Exits with 1 if one of the defects is ours.
"""
import re
import sys

SIGNS = {'holds': '✓', 'fails': '✗', 'cannot': '?'}
# What a kernel says when it dies, in the order of how much that tells.
ENDS = (
    (r'BUG: KASAN: (\S+) in (\w+)', r'\1 in \2'),
    (r'((?:list|slab|refcount)\S* corruption)', r'\1'),
    (r'WARNING: .* at \S+ ([\w.]+)\+0x', r'a warning in \1'),
    (r'RIP: 0010:bpf_prog_\w+', r'oops in the program'),
    (r'RIP: 0010:([A-Za-z_][\w.]*)\+0x', r'oops in \1'),
    # a call through a null pointer: whose it was is the first line of the trace
    (r'<TASK>\s+(?:\? \S+\s+)*([\w.]+)\+0x', r'oops in a call from \1'),
    (r'Kernel panic - not syncing: (.*)', r'panic: \1'),
)


def end_of(console):
    said = open(console, errors='replace').read()
    said = re.sub(r'^(\[[ 0-9.]+\]|<\d+>) ?', '', said, flags=re.M)
    for pattern, meaning in ENDS:
        found = re.search(pattern, said)
        if found:
            return found.expand(meaning)
    return 'the machine hangs'


def shorter(seen):
    """one name for kinds of sockets of both families"""
    return re.sub(r'(?<= )(\S+)4((?: \([^()]*\))?) (?:\1)6\2(?= |$)', r'\1\2', seen)


def answers_of(path):
    """id -> verdict, what was seen; of two, the last one counts"""
    rows = {}
    for line in open(path, errors='replace'):
        probe, verdict, seen = line.rstrip('\n').split('\t')
        rows[probe] = ('fails', end_of(seen)) if verdict == 'died' else (verdict, shorter(seen))
    return rows


def main():
    probes = [line.rstrip('\n').split('\t') for line in open(sys.argv[1])]
    kernels = [answers_of(path) for path in sys.argv[2:]]
    names = ('mainline', 'here', 'peer')[:len(kernels)]
    print('| | | ' + ' | '.join(names) + ' |')
    print('|' + '---|' * (len(kernels) + 2))
    for probe, _, what in probes:
        cells = [f'{SIGNS[verdict]} {seen}' for verdict, seen in (k[probe] for k in kernels)]
        print(f'| {probe} | {what} | ' + ' | '.join(cells) + ' |')
    print()
    for name, rows in zip(names, kernels):
        verdicts = [rows[probe][0] for probe, _, _ in probes]
        print(f'{name}: ' + ', '.join(f'{verdicts.count(v)} {SIGNS[v]}' for v in SIGNS))
    return 1 if any(verdict == 'fails' for verdict, _ in kernels[1].values()) else 0


sys.exit(main())
