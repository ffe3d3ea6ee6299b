#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usage: before-removal.sh remove
# What a package of cgsock runs while cgsock is still there (Debian calls it prerm). The drop-ins
# that "cgsock apply" wrote make units depend on cgsock@.service. Without it these units would not
# start, so the drop-ins go with the package. The files in /etc/cgsock stay.
set -e
[ "$1" = remove ] || exit 0
for file in /etc/systemd/system/*.d/cgsock-*.conf; do
	[ -e "$file" ] || continue
	unit=$(basename "$(dirname "$file")" .d)
	name=$(basename "$file" .conf)
	name=${name#cgsock-}
	echo "$unit has no rules of /etc/cgsock/$name.conf from now on;" \
		"after cgsock is installed again: cgsock apply $name"
	# It removes nothing if there is a mistake in the file.
	cgsock apply --clear "$name" || true
	rm -f "$file"
	rmdir "$(dirname "$file")" 2> /dev/null || true
done
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
