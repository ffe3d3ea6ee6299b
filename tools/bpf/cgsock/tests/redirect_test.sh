# SPDX-License-Identifier: GPL-2.0
# What "cgsock redirect" promises, from Python, which can wait for a server without a race.
# shellcheck shell=bash
exec python3 ./redirect.py
