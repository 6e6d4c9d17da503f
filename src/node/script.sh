# The node's side of a load: one shell for inventory, import and proof, because starting a command
# in a container costs more than what it does. Arguments: `load`, the image's id, the chain id of its
# top layer (`-` if it has no layers), the names it is to have; or `ask` and the same of several
# images, which is all that is wanted then: ids and chain ids are separated by spaces.
#
# Says what the node has of this image, then reads a word: `list` says what blobs and unpacked
# layers there are, and asks for another word; `blob DIGEST SIZE` takes so many bytes of the input
# into containerd's store, and asks for another; `import` takes an archive from what follows on the
# input, `name` gives the names to the image that is there; with `moved` after it, the containers
# that run are said, too. Anything else ends it.
mark='@loadline'
verb=$1 id=$2 chain=$3
work= files= pieces=0 blobs=0
shift 3

for tool in ctr crictl; do
  command -v "$tool" >/dev/null || { echo "$mark lacks $tool"; exit 0; }
done
# containerd unpacks for the snapshotter that CRI uses, or the image is not unpacked for CRI.
snapshotter=$(sed -n "s/^ *snapshotter *= *[\"']\([a-z0-9.-]\{1,\}\)[\"'].*/\1/p" /etc/containerd/config.toml 2>/dev/null | head -n 1)
snapshotter=${snapshotter:-overlayfs}
[ -e /etc/crictl.yaml ] || export CONTAINER_RUNTIME_ENDPOINT=unix:///run/containerd/containerd.sock

# NAME COMMAND...: the command's output between marks, with its exit code.
part() {
  echo "$mark begin $1"
  shift
  "$@" 2>&1 </dev/null
  printf '\n%s end %s\n' "$mark" "$?"
}

# The manifests that the names point at. Without filters this computes the size of every image.
names() {
  for name; do
    set -- "$@" "name==$name"
    shift
  done
  for name in $id; do set -- "$@" "name==$name"; done
  ctr -n k8s.io images ls "$@"
}

cri() {
  crictl inspecti -o go-template --template '{{.status.id}}' "$1"
}

# As `part`, beside others: what they write goes to a file each, or one would come in the middle of
# another. `gather` waits for them and prints them all.
piece() {
  if [ -z "$work" ]; then
    part "$@"
    return
  fi
  pieces=$((pieces + 1))
  files="$files $work/said$pieces"
  part "$@" >"$work/said$pieces" &
}

gather() {
  wait
  [ -z "$files" ] || cat $files
  files= pieces=0
}

state() {
  piece names names "$@"
  for top in $chain; do
    [ "$top" = - ] || piece "chain $top" ctr -n k8s.io snapshots --snapshotter "$snapshotter" info "$top"
  done
  if [ "$verb" = ask ]; then
    piece cri crictl images -o json
  else
    for name; do piece "cri $name" cri "$name"; done
  fi
  gather
}

# CRI hears of an image by an event, some time after containerd has it: it is asked again until it
# has this one under all names.
settled() {
  for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    found=$(state "$@")
    [ "$(printf '%s\n' "$found" | grep -cxF "$id")" -lt $# ] || break
    sleep 0.1 2>/dev/null || sleep 1
  done
  printf '%s\n' "$found"
}

# The next $1 bytes of the input, and none more.
exactly() {
  dd bs=65536 iflag=fullblock,count_bytes count="$1" 2>/dev/null
}

# Not all `dd` count bytes.
counts() {
  [ -n "$work" ] && mkfifo "$work/try" && printf 'ab' | { exactly 1 >/dev/null && [ "$(cat)" = b ]; }
}

# DIGEST: containerd's garbage collection removes what no image refers to yet, so a blob says itself
# that it is kept until the image is there.
keep() {
  ctr -n k8s.io content label "$1" "containerd.io/gc.root=$kept" >/dev/null 2>&1
}

# No blob says so any more, also not those of a load that was killed more than an hour ago.
release() {
  ctr -n k8s.io content ls 'labels."containerd.io/gc.root"~=^loadline-' |
    sed -n 's/^\(sha256:[0-9a-f]*\).*gc\.root=\(loadline-\([0-9]*\)-[^,]*\).*/\1 \2 \3/p' |
    while read -r digest by since; do
      [ "$by" = "$kept" ] || [ $(($(date +%s) - since)) -gt 3600 ] || continue
      ctr -n k8s.io content label "$digest" containerd.io/gc.root=
    done
}

# A blob that is still being written is kept only then; nobody waits for what follows.
leave() {
  [ $blobs = 0 ] || wait
  rm -rf "$work"
  {
    [ $blobs = 0 ] || release
  } >/dev/null 2>&1 &
}

# DIGEST SIZE: what is taken of the input while containerd still writes the blob before it. What is
# there already it does not read, and what it refuses is read to its end, so that the next is found.
blob() {
  blobs=$((blobs + 1))
  mkfifo "$work/$blobs" 2>"$work/refused" || return
  rm "$work/refused"
  {
    if said=$(ctr -n k8s.io content ingest --expected-digest "$1" --expected-size "$2" "loadline-${work##*/}-$1" 2>&1); then
      keep "$1"
    else
      printf '%s\n' "$said" >>"$work/refused"
    fi
    cat >/dev/null
  } <"$work/$blobs" &
  exactly "$2" >"$work/$blobs"
}

# A full disk is to be told, not to be in the way of telling it.
work=$(mktemp -d /run/loadline.XXXXXX 2>/dev/null || mktemp -d 2>/dev/null) && trap leave EXIT && trap 'exit 1' HUP INT TERM PIPE
state "$@"
echo "$mark ready"
[ "$verb" = load ] || exit 0
read -r word more || exit 0
if [ "$word" = list ]; then
  kept=loadline-$(date +%s)-${work##*/}
  piece counts counts
  piece blobs ctr -n k8s.io content ls -q
  piece chains ctr -n k8s.io snapshots --snapshotter "$snapshotter" ls
  gather
  echo "$mark listed"
  read -r word more || exit 0
fi
while [ "$word" = blob ] && [ ! -e "$work/refused" ]; do
  blob $more
  read -r word more || exit 0
done
wait
echo "$mark begin taken"
if [ -n "$work" ] && [ -e "$work/refused" ]; then
  cat "$work/refused"
  printf '\n%s end 1\n' "$mark"
  exit 0
fi
case $word in
  import) ctr -n k8s.io images import --snapshotter "$snapshotter" - 2>&1 ;;
  name) ctr -n k8s.io images tag --force "$id" "$@" 2>&1 ;;
  *) exit 0 ;;
esac
code=$?
printf '\n%s end %s\n' "$mark" "$code"
[ $code = 0 ] || exit 0
settled "$@"
[ "$more" != moved ] || part pods crictl ps -o json
echo "$mark done"
