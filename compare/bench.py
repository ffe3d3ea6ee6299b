#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""usage: bench.py DIRECTORY
Put what the benchmark said on three kernels (DIRECTORY/KERNEL-RUN/verdict, KERNEL.size) side by
side: tables on stdout, all figures in DIRECTORY/bench.csv. There may be a peer, another kernel of
mainline's; what it costs is over its own calls while no program is attached, as there is no such
kernel without the hooks. Exits with 1 if one of ours is above its limit by more than the runs
differ.
"""
import csv
import glob
import re
import sys

KERNELS = 'base', 'mainline', 'ours'
# Noise that is named, and calls that differ by it from boot to boot: timers, the tree of routes.
NOISE = 8
NOISY = r'^tcp.-connect|^udp6-send'
# At most so many instructions over the base kernel: not used, used by another cgroup only, one
# program here, each further one: what was counted and 2 to 4, see doc/cost.md.
LIMITS = (
    (r'^udp4-send$', (14, 14, 14, 0)),  # runs no program
    (r'^udp6-send$', (-2, -2, -2, 0)),  # as this; from boot to boot it differs by 10
    (r'^socket$', (6, 10, 187, 25)),
    (r'^close$', (6, 10, 169, 25)),
    (r'4-bind$', (17, 21, 225, 25)),
    (r'6-bind$', (23, 27, 228, 25)),
    (r'udp4-post_bind', (21, 25, 275, 25)),
    (r'udp6-post_bind', (28, 32, 293, 25)),
    (r'^tcp.-connect', (11, 15, 264, 25)),
    (r'^udp.-connect', (9, 14, 274, 25)),
    (r'^udp4-sendto', (28, 32, 254, 25)),
    (r'^udp6-sendto', (0, 3, 296, 25)),
    (r'^unix-.*name', (8, 12, 277, 25)),
    (r'^unix-', (5, 12, 269, 25)),
    (r'name$', (5, 12, 199, 25)),
    (r'', (5, 12, 211, 25)),
)
LIMITED = 'unused', 'elsewhere', '1', 'further'


class Figures:
    """What the runs of one kernel said: the least, and how far the others are from it."""
    def __init__(self, directory, kernel, runs, best=min):
        self.all = {}
        for path in sorted(glob.glob(f'{directory}/{kernel}-{runs}/verdict')):
            for line in open(path):
                if not line.startswith('==='):
                    call, state, figure = line.split()
                    self.all.setdefault((call, state), []).append(int(figure))
        self.least = {key: best(figures) for key, figures in self.all.items()}
        self.noise = {key: max(figures) - min(figures) for key, figures in self.all.items()}
        for call in [call for call, state in self.least if state == '64']:
            self.least[call, 'further'] = (self.least[call, '64'] - self.least[call, '1']) / 63
            self.noise[call, 'further'] = (self.noise[call, '64'] + self.noise[call, '1']) / 63


def limit_of(call, state, mainline):
    limits = next(limits for pattern, limits in LIMITS if re.search(pattern, call))
    if state in LIMITED:
        return limits[LIMITED.index(state)]
    # A program that needs the socket lock: a quarter more than on mainline.
    return max(1.25 * mainline, limits[0]) if state == 'lock' else None


def over_unused(kernel, call, state):
    """a peer has no base kernel"""
    if (call, state) not in kernel.least or state == 'unused':
        return ''
    return kernel.least[call, state] - (0 if state == 'further' else kernel.least[call, 'unused'])


def compare(kernels, peer):
    base, mainline, ours = kernels
    for (call, state), figure in ours.least.items():
        if call.startswith(('memory', 'attach', 'detach')):
            continue
        from_zero = 0 if state == 'further' else \
            base.least.get((call, state), base.least[call, 'unused'])
        noise = max(sum(k.noise.get((call, state), 0) for k in (base, ours)),
                    NOISE if state != 'further' and re.search(NOISY, call) else 0)
        theirs, over = mainline.least[call, state] - from_zero, figure - from_zero
        limit = limit_of(call, state, theirs)
        yield {'call': call, 'state': state, 'base': from_zero, 'mainline': theirs, 'ours': over,
               'ratio': f'{over / theirs:.2f}' if theirs > 0 else '', 'noise': noise,
               'limit': '' if limit is None else limit,
               'above': 1 if limit is not None and over > limit + noise else '',
               'peer': over_unused(peer, call, state)}


number = '{:.0f}'.format


def cell(row):
    if not row:
        return '-'
    said = f'{number(row["mainline"])} {number(row["ours"])} {row["ratio"]}'.rstrip()
    return said + ('!' if row['above'] else '') + ('~' if row['noise'] >= NOISE else '')


def table(title, *lines):
    widths = [max(map(len, column)) for column in zip(*lines)]
    print(f'\n{title}')
    for line in lines:
        print(line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:]), sep='  ')


def sizes_of(directory):
    sizes = {}
    for kernel in KERNELS:
        for line in open(f'{directory}/{kernel}.size'):
            text, *_, name = line.split()
            if text.isdigit():
                sizes.setdefault(name, dict.fromkeys(KERNELS, 0))[kernel] = int(text)
    for name, size in sorted(sizes.items()):
        theirs, ours = size['mainline'] - size['base'], size['ours'] - size['base']
        # The name of the kernel, which some objects contain, is not as long for each.
        if max(abs(theirs), abs(ours)) > 8:
            yield name, theirs, ours


def main():
    directory, = sys.argv[1:]
    kernels = [Figures(directory, kernel, '[12]') for kernel in KERNELS]
    base, mainline, ours = kernels
    traced = {key[0]: ours.least.pop(key) for key in list(ours.least) if key[1] == 'traced'}
    if set(mainline.least) != set(ours.least) or not ours.least:
        sys.exit(f'bench: not the same figures: {sorted(set(mainline.least) ^ set(ours.least))}')
    peer = Figures(directory, 'peer', '[12]')
    rows = list(compare(kernels, peer))
    by = {(row['call'], row['state']): row for row in rows}
    calls = list(dict.fromkeys(row['call'] for row in rows))
    states = 'unused', 'elsewhere', '1', '4', '16', '64', 'further', 'lock'
    table('instructions over the base kernel: mainline, ours, ratio  (! above its limit, ~ noisy)',
          ['call', 'base', *states],
          *([call, number(base.least[call, 'unused'])] +
            [cell(by.get((call, state))) for state in states] for call in calls))
    if peer.least:
        table('instructions over the same kernel while no program is attached: peer, ours',
              ['call', *states[1:]],
              *([call] + [' '.join(number(over_unused(k, call, state)) for k in (peer, ours))
                          if (call, state) in ours.least else '-' for state in states[1:]]
                for call in calls))
    table('one program of ours, over the base kernel: tracepoints off, on',
          ['call', 'off', 'on'],
          *([call, *(number(figure - base.least[call, 'unused'])
                     for figure in (ours.least[call, '1'], figure_on))]
            for call, figure_on in traced.items()))
    depths = '1', '2', '4', '8', '16', '32'
    table('UDP connect in a cgroup of depth N: one program at the top, one on each level',
          ['', *depths], *([kind] + [cell(by['udp4-connect', f'{kind}-{n}']) for n in depths]
                           for kind in ('depth', 'levels')))
    growth = [key for key in ours.least if key[1].startswith('cgroups-')]
    table('at the root of N cgroups: instructions of the call; bytes of memory for each cgroup',
          ['', '', *KERNELS, 'ratio'],
          *([*key, *(number(k.least[key]) if key in k.least else '-' for k in kernels),
             f'{ours.least[key] / mainline.least[key]:.2f}'] for key in growth))
    threads = [Figures(directory, kernel, 'threads-*', max).least for kernel in KERNELS]
    table('datagrams a second through one socket, over the base kernel\'s (other work of the host '
          'disturbs)', ['', '', 'mainline', 'ours'],
          *([*key, *(f'{k[key] / threads[0][key[0], "unused"]:.2f}' for k in threads[1:])]
            for key in threads[2] if key in threads[1] and threads[0]))
    sizes = list(sizes_of(directory))
    sizes.append(('all', *map(sum, list(zip(*sizes))[1:])))
    table('bytes of text over the base kernel', ['', 'mainline', 'ours'],
          *([name, number(theirs), number(own)] for name, theirs, own in sizes))

    with open(f'{directory}/bench.csv', 'w', newline='') as f:
        out = csv.DictWriter(f, list(rows[0]), lineterminator='\n')
        out.writeheader()
        out.writerows(rows)
        for keys, least in (growth, [k.least for k in kernels]), (threads[2], threads):
            for key in keys:
                figures = [k.get(key, '') for k in least]
                out.writerow(dict(zip(('call', 'state', *KERNELS), (*key, *figures))))
        for name, theirs, own in sizes:
            out.writerow({'call': name, 'state': 'text', 'mainline': theirs, 'ours': own})
    for state in (*LIMITED, 'lock'):
        above = [row for row in rows if row['above'] and row['state'] == state]
        if above:
            print(f'above the limit, {state}:',
                  ', '.join(f'{row["call"]} {number(row["ours"] - row["limit"])}' for row in above))
    return 1 if any(row['above'] for row in rows) else 0


sys.exit(main())
