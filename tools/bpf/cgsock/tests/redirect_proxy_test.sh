# SPDX-License-Identifier: GPL-2.0
# Connections that go to a transparent proxy: one of our own that tells what it hears, and HAProxy.
# shellcheck shell=bash
exec python3 ./redirect_proxy.py
