# SPDX-License-Identifier: GPL-2.0
# Completion of cgsock for bash: subcommands and options are what --help says.
_cgsock() {
	local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "--help --version $(cgsock --help |
			sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')" -- "$word")
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(cgsock "$command" --help |
			grep -oE -- '--[a-z]+' | sort -u)" -- "$word")
	elif [[ $command == apply || $command == check ]]; then
		mapfile -t COMPREPLY < <(cd /etc/cgsock 2> /dev/null &&
			compgen -G "$word*.conf" | sed 's/\.conf$//')
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		[ ${#COMPREPLY[@]} -gt 0 ] ||
			mapfile -t COMPREPLY < <(cd /sys/fs/cgroup 2> /dev/null &&
				compgen -d -- "$word")
	fi
}
complete -o filenames -F _cgsock cgsock
