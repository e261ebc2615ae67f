# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Runs a program with network guests in the QEMU host. Sourced by vhost*.test:
#
#   run_with_guests PROGRAM [ARG...]	$SECONDS_AT_MOST long

run_with_guests()
{
	local here=${BASH_SOURCE[0]%/*} guest name value
	guest=$("$here/../guest/guest.sh" 6.12)
	while IFS='=' read -r name value; do
		export "$name=$value"
	done <<<"$guest"
	# One CPU: see selftests/guest/tenants.test.
	exec "$here/../qemu/run" --quiet --modules --smp 1 --mem 2048 \
		--timeout "${SECONDS_AT_MOST:-600}" -- "$@"
}
