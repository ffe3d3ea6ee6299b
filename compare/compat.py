#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""usage: compat.py ALLOWED THEIRS OURS

Compare what two kernels said to the same program, line by line. A line that begins with '=' heads
those after it. Each difference has to match an entry of ALLOWED, and each entry of ALLOWED has to
match a difference. Exits with 1 if not.

An entry says why, a colon, and a regular expression for "HEAD: THEIR LINE => OUR LINE". Why is
  D4      a row of the table in doc/defects.md
  path    programs run, or see something, where there they do not
  fix     a defect of the kernel's that a patch of the series mends
  refuse  what programs could not see is refused where there are some
  base    mainline's programs change it for those whom they allow; ours leave it as it is without
  newer   newer mainline kernels do as we do
"""
import difflib
import re
import sys


def blocks_of(path):
    """head -> lines, and all heads in order"""
    blocks, head = {'': []}, ''
    for line in open(path, errors='replace'):
        line = line.rstrip('\n')
        if line.startswith('=== '):
            continue
        if line.startswith('='):
            head = line[1:].strip()
            if head in blocks:
                sys.exit(f'{path}: two blocks are called {head}')
            blocks[head] = []
        else:
            blocks[head].append(line.strip())
    return blocks


def pairs_of(a, b):
    if len(a) == len(b):
        yield from zip(a, b)
        return
    for tag, i, j, k, l in difflib.SequenceMatcher(None, a, b, False).get_opcodes():
        if tag != 'equal':
            for n in range(max(j - i, l - k)):
                yield (a[i + n] if i + n < j else '(nothing)',
                       b[k + n] if k + n < l else '(nothing)')


def differences_of(theirs, ours):
    for head in list(theirs) + [head for head in ours if head not in theirs]:
        for a, b in pairs_of(theirs.get(head, []), ours.get(head, [])):
            if a != b:
                yield f'{head}: {a} => {b}'


def entries_of(path):
    for number, line in enumerate(open(path), 1):
        line = line.rstrip('\n')
        if not line or line.startswith('#'):
            continue
        where, colon, pattern = line.partition(': ')
        if not colon or not re.fullmatch(r'D\d+|path|fix|refuse|base|newer', where):
            sys.exit(f'{path}:{number}: not "D4: REGULAR EXPRESSION"')
        yield where, re.compile(pattern), f'{path}:{number}'


def main():
    allowed, theirs, ours = sys.argv[1:]
    entries = list(entries_of(allowed))
    used = {place: 0 for _, _, place in entries}
    theirs, ours = blocks_of(theirs), blocks_of(ours)
    compared = sum(map(len, ours.values()))
    unknown = 0
    for difference in differences_of(theirs, ours):
        for where, pattern, place in entries:
            if pattern.search(difference):
                used[place] += 1
                break
        else:
            unknown += 1
            if unknown <= 200:
                print(difference)
    for where, pattern, place in entries:
        print(f'{place}: {where}: {used[place]} differences: {pattern.pattern}')
    idle = [place for place in used if not used[place]]
    for place in idle:
        print(f'{place}: matches no difference: take it out')
    print(f'{compared} lines compared, {sum(used.values())} differences on the list, '
          f'{unknown} others')
    return 1 if unknown or idle or not compared else 0


sys.exit(main())
