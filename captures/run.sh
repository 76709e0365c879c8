#!/bin/bash
# run.sh [PROTOCOL[/NAME]...] : record the captures of real traffic that the decoders are tested with: all, all of a
# PROTOCOL, or those of them whose names begin with NAME. run.sh --list prints what there is.
# Needs root, a Debian bookworm machine with its package mirror, the Go module proxy and the npm registry. What it fetches
# and builds stays under $DBTAP_CACHE (default ~/.cache/dbtap); only the captures, the truth beside them and ORIGIN.md are
# written to the repository, or to the folder PROTOCOL of $DBTAP_TESTDATA instead.
set -eEuo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib.sh"
trap 'say "line $LINENO failed"' ERR

main() {
	local w protocol prefixes protocols
	protocols=$(cd "$here" && echo */scenarios.sh)
	if [ "${1:-}" = --list ]; then
		for protocol in $protocols; do (list "${protocol%/*}"); done
		return
	fi
	for w in "$@"; do
		[ -e "$here/${w%%/*}/scenarios.sh" ] || die "no protocol is called ${w%%/*}"
	done
	[ "$(id -u)" = 0 ] || die "needs root: network namespaces, chroot and tcpdump"
	need_tools
	for protocol in $protocols; do
		protocol=${protocol%/*} prefixes=()
		for w in "${@:-$protocol}"; do
			if [[ $w/ == "$protocol"/* ]]; then w=${w#"$protocol"} prefixes+=("${w#/}"); fi
		done
		if [ ${#prefixes[@]} -gt 0 ]; then (record "$protocol" "${prefixes[@]}"); fi
	done
}

main "$@"
