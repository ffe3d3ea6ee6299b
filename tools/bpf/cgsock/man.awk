# SPDX-License-Identifier: GPL-2.0
# From help/NAME.txt to a manual page: awk -v name=NAME -v line="one line" -f man.awk
# The text is what --help prints; here it gets the headings of a page and stays as it is typed.
function heading(title) { end_typed(); printf ".SH %s\n", title }
function begin_typed() { if (!typed) print ".nf"; typed = 1 }
function end_typed() { if (typed) print ".fi"; typed = 0 }
BEGIN {
	page = name == "cgsock" ? "cgsock" : "cgsock-" name
	printf ".TH %s 8 \"\" \"cgsock %s\" \"System Administration\"\n", toupper(page), version
	heading("NAME")
	printf "%s \\- %s\n", page, line
	heading("DESCRIPTION")
}
{ gsub(/\\/, "\\e"); gsub(/-/, "\\-"); sub(/^[.']/, "\\\\\\&&") }
/^usage: / {
	end_typed(); heading("SYNOPSIS"); begin_typed()
	sub(/^usage: /, "       "); in_usage = 1
}
/^example:/ { end_typed(); heading("EXAMPLE"); sub(/^example: */, ""); if ($0 == "") next }
/^commands:/ { end_typed(); heading("COMMANDS"); options = 0; next }
/^$/ && in_usage { in_usage = 0; options = 1; next }
options && /^ / { heading("OPTIONS") }
{ options = 0 }
/^$/ { end_typed(); print ".PP"; next }
/^ / { begin_typed() }
!/^ / { end_typed() }
{ print }
END {
	end_typed()
	heading("SEE ALSO")
	if (name == "cgsock")
		print "cgsock\\-firewall(8), cgsock\\-run(8), cgsock\\-apply(8)"
	else
		print "cgsock(8)"
}
