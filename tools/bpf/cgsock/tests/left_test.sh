#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is left: of cgroups that are gone, of runs that were killed; and pins that others made.
# shellcheck disable=SC2317,SC2086,SC2154 # ok() calls the functions; there are no blanks in words
. ./lib.sh
c=$cgroups/left
pins=/sys/fs/bpf/cgsock
pinned() { ls -I redirect $pins; }
denied() { refuses 'socket EPERM' call -c $c "$@"; }
allowed() { call -c $c "$@"; }
gone() { mkdir -p $c/gone && "$@" > /dev/null && rmdir $c/gone; }

# --- cgroups that are gone
ok "a cgroup that goes" gone cgsock deny $c/gone any
ok "its pins are there" is -left-gone "$(pinned)"
ok "--clear" cgsock deny --clear $c/gone
ok "clears them" is '' "$(pinned)"
ok "--clear again" refuses 'no such cgroup' cgsock deny --clear $c/gone
ok "another one, by its name below the mount" gone cgsock firewall $c/gone - <<< 'default refuse'
ok "is cleared, too" cgsock firewall --clear left/gone
gone cgsock vrf $c/gone lo
gone cgsock redirect service $c/gone 80 127.0.0.2
ok "redirect clear" cgsock redirect clear $c/gone
ok "no service is left" is '' "$(cgsock redirect show)"
gone cgsock deny $c/gone any
only_left() { cgsock deny $c inet6 && is -left "$(pinned)"; }
ok "a change elsewhere clears what is left" until_ok only_left
ok "what is there stays" denied udp6
cgsock deny --clear $c

# --- a run that was killed before the last step, which gives the pins their name
cgsock deny $c inet6
mv $pins/-left/deny $pins/-left/deny+
ok "--clear has nothing to clear" refuses 'nothing to clear' cgsock deny --clear $c
ok "and nothing is left of that run" allowed udp6
ok "nor pinned" is '' "$(pinned)"
link_update() { # pins of a LINK and a PROGRAM
	python3 - "$@" <<-'UPDATE'
		import ctypes, struct, sys
		OBJ_GET, LINK_UPDATE = 7, 29
		libc = ctypes.CDLL(None)
		bpf = lambda call, attr: libc.syscall(321, call, attr, len(attr))
		names = [ctypes.create_string_buffer(name.encode()) for name in sys.argv[1:]]
		fds = [bpf(OBJ_GET, struct.pack('QQ', ctypes.addressof(name), 0)) for name in names]
		sys.exit(bpf(LINK_UPDATE, struct.pack('4I', *fds, 0, 0)))
	UPDATE
}
cgsock deny $c inet6
bpftool prog load $BUILD/deny.bpf.o /sys/fs/bpf/new
ok "a run that put a new program into a link" link_update $pins/-left/deny/links/deny_create /sys/fs/bpf/new
ok "it is in effect" allowed udp6
mkdir $pins/-left/deny+
ok "and was killed" cgsock vrf $c lo
ok "the program before is back" denied udp6
rm /sys/fs/bpf/new
cgsock vrf --clear $c
cgsock deny --clear $c

# --- pins of others
cgsock deny $c inet6
mv $pins/-left $pins/-left%2
ok "a name that is none of ours" is '' "$(cgsock show)"
mv $pins/-left%2 $pins/-left
cgsock deny --clear $c
ok "nobody else can hold the lock" is '700 0' "$(stat -c '%a %u' $pins)"
rm -r $pins
setpriv --reuid 65534 mkdir $pins
ok "somebody else's directory" refuses 'somebody else can write there' cgsock deny $c inet6
ok "which nobody looks into" refuses 'somebody else can write there' cgsock show
rm -r $pins
ok "without it" cgsock deny $c inet6
cgsock deny --clear $c
finish
