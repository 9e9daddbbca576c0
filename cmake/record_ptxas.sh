#!/bin/sh
# Runs the compiler command it is given and keeps what ptxas says of each kernel beside the object, as OBJECT.ptxas.
object=""
previous=""
for argument in "$@"; do
  [ "$previous" = "-o" ] && object=$argument
  previous=$argument
done
log=$object.ptxas
[ -n "$object" ] || log=/dev/null
"$@" 2>"$log" >&2
status=$?
# Such a remark says that a kernel's warpgroup products run one by one, or that its registers cannot move.
if [ $status -eq 0 ] && grep '(C75' "$log" >&2; then
  rm -f "$object"
  status=1
elif [ $status -ne 0 ]; then
  cat "$log" >&2
else
  grep -v -e '^ptxas info' -e '^ *[0-9]* bytes stack frame' -e '^$' "$log" >&2
fi
exit $status
