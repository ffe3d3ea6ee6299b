#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""usage: coverage.py MAINLINE OURS [PEER]

Print what the test "coverage" said on two or three kernels as one table: a row for each kind of
socket, call and hook. What fails is named: a program that counts did not run, or saw something
else; one that refuses, or rewrites, was not obeyed. "-" is a kind of socket that the kernel does
not have. Exits with 1 if anything failed on our kernel.
"""
import re
import sys


def results_of(path):
    """(kind, call, hook) -> deed -> whether it passed"""
    rows, plan, tests = {}, None, 0
    for line in open(path, errors='replace'):
        if line.startswith('1..'):
            plan = int(line[3:])
        found = re.match(r'(ok|not ok) \d+ (.*) / (.*) / (.*) / (.*)\n', line)
        if found:
            result, kind, call, hook, deed = found.groups()
            rows.setdefault((kind, call, hook), {})[deed] = result == 'ok'
            tests += 1
    if not plan or tests != plan:
        sys.exit(f'{path}: {tests} tests of {plan}')
    return rows


def cell_of(deeds):
    if deeds is None:
        return '-'
    return ' '.join(['✗'] + [deed for deed in deeds if not deeds[deed]]
                    if not all(deeds.values()) else ['✓'])


def main():
    kernels = dict(zip(('mainline', 'ours', 'peer'), map(results_of, sys.argv[1:])))
    ours = kernels['ours']
    if kernels['mainline'].keys() != ours.keys() or any(k.keys() - ours for k in kernels.values()):
        sys.exit('coverage: the kernels were asked different things')
    line = '{:20} {:28} {:13}' + ' {:24}' * len(kernels)
    print(line.format('socket', 'call', 'hook', *kernels).rstrip())
    for row in ours:
        print(line.format(*row, *(cell_of(k.get(row)) for k in kernels.values())).rstrip())
    print()
    for name, rows in kernels.items():
        ran = sum(deeds['count'] for deeds in rows.values())
        obeyed = sum(all(deeds.values()) for deeds in rows.values())
        print(f'{name}: of {len(rows)} pairs of path and hook {ran} ran the program, '
              f'{obeyed} also did as it said')
    return 0 if all(all(deeds.values()) for deeds in ours.values()) else 1


sys.exit(main())
