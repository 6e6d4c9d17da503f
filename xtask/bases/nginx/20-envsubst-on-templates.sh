#!/bin/sh
# Fills /etc/nginx/templates/*.template from the environment, as the official image does.
set -e
templates=${NGINX_ENVSUBST_TEMPLATE_DIR:-/etc/nginx/templates}
output=${NGINX_ENVSUBST_OUTPUT_DIR:-/etc/nginx/conf.d}
[ -d "$templates" ] || exit 0
[ -w "$output" ] || { echo "$0: $output is not writable, templates stay as they are" >&2; exit 0; }
names=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/${\1}/p' | tr '\n' ' ')
find "$templates" -follow -type f -name '*.template' | while read -r template; do
  target=$output/${template#"$templates/"}
  target=${target%.template}
  mkdir -p "$(dirname "$target")"
  envsubst "$names" <"$template" >"$target"
done
