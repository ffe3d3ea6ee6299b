# SPDX-License-Identifier: GPL-2.0
# A picture of connections.csv and connect.csv, which are in the working directory: tools.svg.
set terminal svg size 900,340 font 'sans,11' noenhanced
set output 'tools.svg'
set datafile separator ','
set style line 1 linecolor rgb '#9e9e9e'
set style line 2 linecolor rgb '#1565c0'
set style line 3 linecolor rgb '#ef6c00'
set style data histograms
set style fill solid noborder
set grid ytics linecolor rgb '#dddddd'
set title font ',12'
set yrange [0:*]
set multiplot layout 1,3
set key outside bottom center horizontal
set autoscale xfix
set offsets 0.5, 0.5, 0, 0
of(way) = "< grep -E '^[0-9]+,".way.",' connections.csv"
set title 'thousand instructions a connection'
set xlabel 'connections at a time'
plot of('nothing') using ($5 / 1000):xtic(1) title 'direct' linestyle 1, \
	of('redirect') using ($5 / 1000) title 'cgsock redirect' linestyle 2, \
	of('haproxy') using ($5 / 1000) title 'HAProxy' linestyle 3
set title 'thousand, for ten packets each way'
plot of('nothing') using ($6 / 1000):xtic(1) title 'direct' linestyle 1, \
	of('redirect') using ($6 / 1000) title 'cgsock redirect' linestyle 2, \
	of('haproxy') using ($6 / 1000) title 'HAProxy' linestyle 3
set key outside bottom center horizontal
set title 'instructions of UDP connect()'
set xlabel 'rules of cgsock firewall'
plot "< grep ',allowed,' connect.csv" using 5:xtic(1) title 'allowed' linestyle 2, \
	"< echo 0,,,,0; grep ',EPERM,' connect.csv" using 5 title 'refused' linestyle 3
unset multiplot
