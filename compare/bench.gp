# SPDX-License-Identifier: GPL-2.0
# Pictures of bench.csv, which is in the working directory: calls.svg and growth.svg.
set datafile separator ','
set style line 1 linecolor rgb '#9e9e9e' linewidth 2 pointtype 7
set style line 2 linecolor rgb '#1565c0' linewidth 2 pointtype 7
set style fill solid noborder
set grid ytics linecolor rgb '#dddddd'
set key outside top right horizontal
set title font ',12'
set yrange [0:*]
rows(call, state) = "< grep -E '^(".call."),(".state."),' bench.csv"
kinds = '[a-z0-9_]+(-[a-z_]+)?'	# all calls, no threads
number(state) = real(substr(state, strstrt(state, '-') + 1, strlen(state)))

set terminal svg size 900,560 font 'sans,11' noenhanced
set output 'calls.svg'
set multiplot
set style data histograms
set autoscale xfix
set offsets 1, 1, 0, 0
set origin 0,0.62
set size 1,0.38
set lmargin 6
set rmargin 3
set format x ''
set title 'instructions over a kernel without the hooks, a program on another cgroup'
plot rows(kinds, 'elsewhere') using 4 title 'mainline' linestyle 1, \
	'' using 5 title 'here' linestyle 2
set origin 0,0
set size 1,0.61
set bmargin 9
unset key
set xtics rotate by 45 right scale 0
set title 'one program on the cgroup of the socket'
plot rows(kinds, '1') using 4:xtic(1) linestyle 1, '' using 5 linestyle 2
unset multiplot

set terminal svg size 900,560 font 'sans,11' noenhanced
set output 'growth.svg'
set key inside top left vertical
set bmargin 3
set lmargin 7
set origin 0,0
set size 1,1
unset offsets
set autoscale x
set multiplot layout 2,2
set style data linespoints
set xtics norotate autofreq
set format x '%g'
set title 'UDP connect, instructions by programs'
plot rows('udp4-connect', '[0-9]+') using 2:4 title 'mainline' linestyle 1, \
	'' using 2:5 title 'here' linestyle 2
set title 'UDP connect, by depth, a program at the top'
plot rows('udp4-connect', 'depth-.*') using (number(strcol(2))):4 title 'mainline' linestyle 1, \
	'' using (number(strcol(2))):5 title 'here' linestyle 2
set title 'attach to the root, million instructions by cgroups'
set xtics 2500
plot rows('attach', '.*') using (number(strcol(2))):($4 / 1e6) title 'mainline' linestyle 1, \
	'' using (number(strcol(2))):($5 / 1e6) title 'here' linestyle 2
set title 'sendto on one socket, thousand/s by threads'
set key bottom
set xtics 1
plot rows('threads-.*', 'unused') using (number(strcol(1))):($3 / 1e3) title 'no hooks' \
	linetype 0, \
	rows('threads-.*', '1') using (number(strcol(1))):($4 / 1e3) title 'mainline' linestyle 1, \
	'' using (number(strcol(1))):($5 / 1e3) title 'here' linestyle 2
unset multiplot
