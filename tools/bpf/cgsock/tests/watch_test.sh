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
# An older libbpf does not know the attach types of AF_UNIX.
connect4=10 connect_unix=49 recvmsg_unix=51
attach_code() { # CGROUP TYPE INSTRUCTIONS
	python3 - "$@" <<-'END'
		import ctypes, os, struct, sys
		call = ctypes.CDLL(None, use_errno=True).syscall
		cgroup, type, *code = sys.argv[1], *(int(arg, 0) for arg in sys.argv[2:])
		license = ctypes.create_string_buffer(b'GPL')
		count, code = len(code), ctypes.create_string_buffer(struct.pack(f'<{len(code)}Q', *code))
		def bpf(command, attr):
		    result = call(321, command, attr, len(attr))
		    return result if result >= 0 else sys.exit(os.strerror(ctypes.get_errno()))
		program = bpf(5, struct.pack('IIQQIIQII16sII', 18, count, ctypes.addressof(code),
		                             ctypes.addressof(license), 0, 0, 0, 0, 0, b'', 0, type))
		bpf(8, struct.pack('IIII', os.open(cgroup, os.O_RDONLY), program, type, 0))
	END
}
# return 0
refuse_unix() { attach_code "$1" $connect_unix 0xb7 0x95; }
# bpf_set_retval(-EACCES); return 0
deny_unix() { attach_code "$1" $connect_unix 0xfffffff3000001b7 0xbb00000085 0xb7 0x95; }
# bpf_bind(ctx, 127.0.0.2:0, 16); return 1
choose_source() {
	attach_code "$1" $connect4 0x2fff00a62 0x200007ffff40a62 0xfff80a7a 0xa2bf 0xfffffff000000207 \
		0x10000003b7 0x4000000085 0x1000000b7 0x95
}
call_of() { # KFUNC
	local id
	id=$(bpftool btf dump file /sys/kernel/btf/vmlinux | sed -n "s/^\[\([0-9]*\)\] FUNC '$1' .*/\1/p")
	echo $(((id << 32) | 0x2085))
}
# bpf_sock_addr_set_sun_path(bpf_cast_to_kern_ctx(ctx), "/un", 3); return 1
name_sender() { # CGROUP
	attach_code "$1" $recvmsg_unix "$(call_of bpf_cast_to_kern_ctx)" 0x1bf 0x6e752ffff80a7a 0xa2bf \
		0xfffffff800000207 0x3000003b7 "$(call_of bpf_sock_addr_set_sun_path)" 0x1000000b7 0x95
}
receives_from_nobody() { # PATTERN
	(echo 0 > $c/local/cgroup.procs; python3 -c 'import socket
at = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
at.bind("\0watch")
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", "\0watch")
print(at.recvfrom(1))')
	grep -q "$1" "$dir/events"
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
	ok "a program of another's that refuses" tells_of 192.0.2.1:80 'refused: connect4 tcp 192.0.2.1:80  by others. fw_connect4 (program [0-9]*) of /watch/inner$'
	stop
	mkdir $c/local
	refuse_unix $c/local
	watching events
	ok "a path" tells_of_path "$dir/a\\x1bb" 'refused: connect_unix unix /tmp/[^ ]*/a.x1bb  by others. ? (program [0-9]*) of /watch/local$'
	ok "an abstract name" tells_of_path '\0name' 'refused: connect_unix unix @name  by '
	ok "a path that looks like one" tells_of_path '@name' 'refused: connect_unix unix .x40name  by '
	ok "a path that looks like more" tells_of_path '/x  by a -> b' 'refused: connect_unix unix /x.x20.x20by.x20a.x20-.x3e.x20b  by '
	name_sender $c/local
	ok "a sender without a name" until_ok receives_from_nobody 'rewritten: recvmsg_unix unix  -> /un  by '
	stop
	rmdir $c/local
	mkdir $c/local
	deny_unix $c/local
	bpftool cgroup detach $c/inner connect4 pinned /sys/fs/bpf/foreign/fw_connect4
	choose_source $c/inner
	watching events
	ok "an errno" tells_of_path /x 'refused with EACCES: connect_unix unix /x  by '
	ok "a source" tells_of 127.0.0.3:80 'rewritten: connect4 tcp 127.0.0.3:80 source 0.0.0.0:0 -> 127.0.0.2:0  by '
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
