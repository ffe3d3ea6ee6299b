#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""usage: coverage.py MAINLINE OURS

Print what the test "coverage" said on two kernels as one table: a row for each kind of socket,
call and hook. What fails is named: a program that counts did not run, or saw something else; one
that refuses, or rewrites, was not obeyed. Exits with 1 if anything failed on our kernel.
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
    return ' '.join(['✗'] + [deed for deed in deeds if not deeds[deed]]
                    if not all(deeds.values()) else ['✓'])


def main():
    mainline, ours = map(results_of, sys.argv[1:])
    if mainline.keys() != ours.keys():
        sys.exit('coverage: the two kernels were asked different things')
    line = '{:20} {:28} {:13} {:24} {}'
    print(line.format('socket', 'call', 'hook', 'mainline', 'ours'))
    for row in ours:
        print(line.format(*row, cell_of(mainline[row]), cell_of(ours[row])))
    print()
    for name, rows in ('mainline', mainline), ('ours', ours):
        ran = sum(deeds['count'] for deeds in rows.values())
        obeyed = sum(all(deeds.values()) for deeds in rows.values())
        print(f'{name}: of {len(rows)} pairs of path and hook {ran} ran the program, '
              f'{obeyed} also did as it said')
    return 0 if all(all(deeds.values()) for deeds in ours.values()) else 1


sys.exit(main())
