#!/bin/sh
# What the tests need beside Python: a browser for the report, fonts for its text; for sessions a screen without
# a screen, what a window needs, key presses, and sound without a sound card.
# Installed when this is Debian or a relative and we are root; otherwise what is missing is said.
set -eu

missing=
have_command() { command -v "$1" >/dev/null 2>&1; }
have_font() { have_command fc-list && [ -n "$(fc-list "$1" family 2>/dev/null)" ]; }

have_command chromium || have_command chromium-browser || have_command google-chrome || missing="$missing chromium"
have_command Xvfb || missing="$missing xvfb xauth libgl1-mesa-dri libgl1 libglu1-mesa libegl1 libasound2 \
libjack-jackd2-0 libpulse0 libxi6 libxext6 libxinerama1 libxrandr2 libxcursor1"
have_command xdotool || missing="$missing xdotool"
have_command pulseaudio && have_command parec && [ -n "$(find /usr/lib -name 'libportaudio.so.2' 2>/dev/null)" ] ||
    missing="$missing pulseaudio pulseaudio-utils libasound2-plugins libportaudio2"
have_font "DejaVu Sans" || missing="$missing fontconfig fonts-dejavu-core"
have_font "WenQuanYi Micro Hei" || have_font "Noto Sans CJK SC" || missing="$missing fonts-wqy-microhei"

[ -n "$missing" ] || exit 0
if have_command apt-get && [ "$(id -u)" = 0 ]; then
    echo "Installing Debian packages:$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # one word per package
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null; } ||
        echo "They could not be installed. Tests that need them are skipped."
elif have_command apt-get; then
    echo "Missing, and only root can install them: apt-get install$missing"
    echo "Tests that need them are skipped."
else
    echo "Missing (Debian's names):$missing. Tests that need them are skipped."
fi
