#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""usage: gcov.py DIRECTORY ALLOWED
Say how much of the series ran, from gcovr's DIRECTORY/lines.json and DIRECTORY/series.diff. A line
of ALLOWED is "FILE: TEXT OF THE LINE", below a comment with the reason. Exits with 1 if a line did
not run that is not in ALLOWED, if one of ALLOWED did, or if a figure is below its goal.
"""
import json
import re
import sys

GOALS = {'lines': 97, 'branches': 90}
# The selftests and samples are not what is tested.
KERNEL = re.compile(r'(block|drivers|fs|include|io_uring|kernel|net|security)/')


def added(diff):
    """{file: {number: text}} of the lines that the series adds"""
    lines, file, number = {}, None, 0
    for line in diff:
        if line.startswith('+++ '):
            file = line[6:].rstrip('\n')
        elif line.startswith('@@'):
            number = int(re.search(r'\+(\d+)', line)[1])
        elif line.startswith('+') and KERNEL.match(file):
            lines.setdefault(file, {})[number] = line[1:].strip()
            number += 1
    return lines


def counted(report):
    """{file: {number: (count, [count of each branch])}}, one file compiled into several objects"""
    lines = {}
    for file in report['files']:
        name = re.sub(r'^(.*/)?build/linux/', '', file['file'])
        of_file = lines.setdefault(name, {})
        for line in file['lines']:
            if line.get('gcovr/noncode'):
                continue
            branches = [branch['count'] for branch in line['branches']]
            count, before = of_file.get(line['line_number'], (0, []))
            if len(before) == len(branches):
                branches = [a + b for a, b in zip(before, branches)]
            of_file[line['line_number']] = count + line['count'], branches or before
    return lines


def main():
    directory, allowed_file = sys.argv[1:]
    with open(f'{directory}/series.diff') as f:
        lines = added(f)
    with open(f'{directory}/lines.json') as f:
        counts = counted(json.load(f))
    with open(allowed_file) as f:
        allowed = {line.rstrip('\n') for line in f if line.strip() and not line.startswith('#')}
    total = {'lines': [0, 0], 'branches': [0, 0]}
    missed = []
    print(f'{"lines":>10} {"branches":>10}')
    for file, texts in sorted(lines.items()):
        of_file = {n: counts.get(file, {})[n] for n in texts if n in counts.get(file, {})}
        figures = {'lines': [count for count, _ in of_file.values()],
                   'branches': [count for _, branches in of_file.values() for count in branches]}
        if not of_file:
            continue
        for what, these in figures.items():
            total[what][0] += sum(map(bool, these))
            total[what][1] += len(these)
        print(*(f'{f"{sum(map(bool, these))}/{len(these)}":>10}' for these in figures.values()),
              file)
        missed += [f'{file}: {texts[n]}' for n, (count, _) in sorted(of_file.items()) if not count]
    failed = False
    for what, (ran, all_of_it) in total.items():
        percent = 100 * ran / all_of_it
        print(f'{what}: {ran} of {all_of_it}, {percent:.1f} % (goal: {GOALS[what]} %)')
        failed |= percent < GOALS[what]
    for title, these in (('did not run, and has no reason', [m for m in missed if m not in allowed]),
                         ('is allowed not to run, but did', sorted(allowed - set(missed)))):
        for line in these:
            print(f'{title}: {line}')
            failed = True
    return failed


sys.exit(main())
