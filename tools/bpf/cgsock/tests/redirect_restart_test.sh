# SPDX-License-Identifier: GPL-2.0
# Servers that are killed and started again and again while clients connect all the time.
# shellcheck shell=bash
exec python3 ./redirect_restart.py
