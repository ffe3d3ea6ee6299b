# SPDX-License-Identifier: GPL-2.0
# From help/NAME.txt to a manual page: awk -v name=NAME -v line="one line" -f man.awk
# The text is what --help prints; here it gets the headings of a page and stays as it is typed.
# What comes before "usage:" there is the description, which has its place after it here.
function heading(title) { end_typed(); gap = 0; printf ".SH %s\n", title }
function begin_typed() { if (!typed) print ".nf"; typed = 1 }
function end_typed() { if (typed) print ".fi"; typed = 0 }
BEGIN {
	page = name == "cgsock" ? "cgsock" : "cgsock-" name
	printf ".TH %s 8 %s \"cgsock %s\" \"System Administration\"\n", toupper(page), date, version
	heading("NAME")
	printf "%s \\- %s\n", page, line
}
{ gsub(/\\/, "\\e"); gsub(/-/, "\\-"); sub(/^[.']/, "\\\\\\&&") }
/^usage: / { heading("SYNOPSIS"); begin_typed(); sub(/^usage: /, "       "); in_usage = 1 }
!in_usage && !described { about = about $0 "\n"; next }
/^example:/ {
	if (!examples++)
		heading("EXAMPLES")
	sub(/^example: */, "")
	if ($0 == "")
		next
}
/^commands:/ { heading("COMMANDS"); options = 0; next }
/^$/ && in_usage {
	in_usage = 0
	described = options = 1
	heading("DESCRIPTION")
	sub(/\n+$/, "", about)
	print about
	next
}
options && /^ / { heading("OPTIONS") }
{ options = 0 }
/^$/ { end_typed(); gap = 1; next }
gap { print ".PP"; gap = 0 }
/^ / { begin_typed() }
!/^ / { end_typed() }
{ print }
END {
	heading("SEE ALSO")
	if (name == "cgsock")
		print "cgsock\\-firewall(8), cgsock\\-run(8), cgsock\\-apply(8)"
	else
		print "cgsock(8)"
}
