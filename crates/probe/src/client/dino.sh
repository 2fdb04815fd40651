# Starts Dino on a display that nobody sees, with one account: PYTHON SCRIPT ARGUMENT… puts that into its database.
set -eu
mkdir -p "$HOME/.local/share/dino"
"$@" "$HOME/.local/share/dino/dino.db"

Xvfb :1 -screen 0 800x600x24 -nolisten tcp > /dev/null 2>&1 &
while [ ! -S /tmp/.X11-unix/X1 ]; do
    kill -0 $! # it has ended, and so do we
    sleep 0.05
done
export DISPLAY=:1
# GTK's bridge to screen readers takes longer to start than everything else.
export GTK_A11Y=none NO_AT_BRIDGE=1
dbus-run-session -- dino-im
