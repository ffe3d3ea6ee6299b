#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# watch: events that are lost; where the kernel has tracepoints, rewrites and others' programs.
# shellcheck disable=SC2317,SC2086,SC2154,SC2016 # ok() calls the functions; there are no blanks in words
. ./lib.sh
c=$cgroups/watch
mkdir -p $c/inner
dir=$(mktemp -d)
watching() { # FILE OPTIONS...
	local file=$1
	shift
	cgsock watch "$@" > "$dir/$file" 2>&1 &
	watcher=$!
	sleep 1
}
stop() { kill $watcher; wait $watcher; }
tells() { until_ok grep -q "$1" "$dir/events"; }
# tells_of ADDRESS PATTERN: of a connect() that is repeated, as watch needs some time to begin.
connects() { call -c $c/inner tcp4 connect $1 > /dev/null; grep -q "$2" "$dir/events"; }
tells_of() { until_ok connects "$@" || { cat "$dir/events"; return 1; }; }
# Attaches "return 0" to the connects of AF_UNIX, which an older libbpf does not know.
refuse_unix() { # CGROUP
	python3 - "$1" <<-'END'
		import ctypes, os, struct, sys
		call = ctypes.CDLL(None, use_errno=True).syscall
		code = ctypes.create_string_buffer(struct.pack('<QQ', 0xb7, 0x95))
		license = ctypes.create_string_buffer(b'GPL')
		connect_unix = 49
		def bpf(command, attr):
		    result = call(321, command, attr, len(attr))
		    return result if result >= 0 else sys.exit(os.strerror(ctypes.get_errno()))
		program = bpf(5, struct.pack('IIQQIIQII16sII', 18, 2, ctypes.addressof(code),
		                             ctypes.addressof(license), 0, 0, 0, 0, 0, b'', 0, connect_unix))
		bpf(8, struct.pack('IIII', os.open(sys.argv[1], os.O_RDONLY), program, connect_unix, 0))
	END
}
connects_to_path() { # PATH PATTERN
	(echo 0 > $c/local/cgroup.procs; python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).connect(sys.argv[1].encode().decode("unicode_escape"))' "$1") 2> /dev/null
	grep -q "$2" "$dir/events"
}
tells_of_path() { until_ok connects_to_path "$@" || { cat "$dir/events"; return 1; }; }

# --- more than there is room for
echo 'default refuse connect' | cgsock firewall $c -
knock() { # in the cgroup
	echo 0 > $c/cgroup.procs
	python3 -c '
import socket
s = socket.socket()
for _ in range(1000):
    try:
        s.connect(("192.0.2.1", 1))
    except PermissionError:
        pass'
}
watching events
kill -STOP $watcher
(knock)
kill -CONT $watcher
ok "events that are lost are counted" tells '^lost: [1-9][0-9]* events'
stop
watching events --json
kill -STOP $watcher
(knock)
kill -CONT $watcher
ok "in JSON" tells '{"lost":[1-9]'
stop
cgsock firewall --clear $c

if ours; then
	# --- rewrites
	cgsock redirect replica 80 127.0.0.9:7001
	cgsock redirect client $c
	cgsock vrf $c lo
	watching events
	ok "an address" tells_of 127.0.0.1:80 'call\[[0-9]*\]  /watch/inner  rewritten: connect4 tcp 127.0.0.1:80 -> 127.0.0.9:7001  by redirect-client (program [0-9]*) of /watch$'
	ok "a device" tells 'rewritten: sock_create tcp inet device 0 -> 1  by vrf (program [0-9]*) of /watch$'
	stop

	# --- programs of others
	bpftool prog loadall $BUILD/firewall.bpf.o /sys/fs/bpf/foreign
	bpftool cgroup attach $c/inner connect4 pinned /sys/fs/bpf/foreign/fw_connect4 multi
	watching events
	ok "a program of another's that refuses" tells_of 192.0.2.1:80 'refused: connect4 tcp 192.0.2.1:80  by others (program [0-9]*) of /watch/inner$'
	stop
	mkdir $c/local
	refuse_unix $c/local
	watching events
	ok "a path" tells_of_path "$dir/a\\x1bb" 'refused: connect_unix unix /tmp/[^ ]*/a.x1bb  by others (program [0-9]*) of /watch/local$'
	ok "an abstract name" tells_of_path '\0name' 'refused: connect_unix unix @name  by others'
	stop
	rmdir $c/local
	watching events --json $c
	ok "JSON, of one cgroup" tells_of 127.0.0.1:80 '"what":"rewritten","call":"connect4","protocol":"tcp","address":"127.0.0.1:80","to":"127.0.0.9:7001"'
	ok "no other one" eval '! grep refused "$dir/events"'
	stop
	cgsock redirect clear $c
	cgsock redirect forget 80 127.0.0.9:7001
	cgsock vrf --clear $c
fi
rmdir $c/inner $c
finish
