#!/bin/sh
# As in the official image: what lies in /docker-entrypoint.d runs before nginx starts.
set -e
if [ "$1" = nginx ] || [ "$1" = nginx-debug ]; then
  for script in /docker-entrypoint.d/*; do
    case $script in
      *.envsh) [ -x "$script" ] && . "$script" ;;
      *.sh) [ -x "$script" ] && "$script" ;;
    esac || exit 1
  done
fi
exec "$@"
