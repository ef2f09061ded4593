//! The shell that starts a child and watches over it.

/// What the watchdog reads before its pipe closes when the child has ended in order.
pub(super) const RELEASED: &[u8] = b"released\n";

/// `sh -c SCRIPT SIGNAL PROGRAM ARGUMENT…`: becomes PROGRAM, with a watchdog as its child.
///
/// The watchdog kills only while the program is still its parent: once the program has ended, its process id may
/// belong to somebody else.
pub(super) const SCRIPT: &str = r#"
exec 3<&0
(
  exec >/dev/null 2>&1
  word=$(cat <&3)
  [ -z "$word" ] || exit 0
  still_parent() {
    parent=$$
    [ ! -r /proc/self/stat ] || read -r _ _ _ parent _ </proc/self/stat
    [ "$parent" = "$$" ]
  }
  if still_parent; then
    kill -s "$0" "$$"
    tries=0
    while still_parent && kill -s 0 "$$" && [ $tries -lt 100 ]; do
      sleep 0.1
      tries=$((tries + 1))
    done
    ! still_parent || kill -s KILL "$$"
  fi
) &
exec "$@" </dev/null 3<&-
"#;
