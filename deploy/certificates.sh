#!/bin/sh
# Makes an authority of its own and a certificate of nats-server under it, with openssl: ca.pem, ca.key, nats.pem, nats.key.
#     deploy/certificates.sh FOLDER [NAME…]
# NAME is the host by which clients reach nats-server, `nats` if none is given. Keep ca.key offline; nobody needs it until the next certificate.
set -eu
folder=$1
shift
[ $# -gt 0 ] || set -- nats
names=$(printf ',DNS:%s' "$@")
umask 077
mkdir -p "$folder"
if [ ! -e "$folder/ca.key" ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 3650 \
    -subj "/CN=dualgrid" -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout "$folder/ca.key" -out "$folder/ca.pem"
fi
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -subj "/CN=$1" \
  -keyout "$folder/nats.key" -out "$folder/nats.csr"
printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\n' "${names#,}" > "$folder/nats.ext"
openssl x509 -req -in "$folder/nats.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -days 825 -extfile "$folder/nats.ext" \
  -out "$folder/nats.pem"
rm "$folder/nats.csr" "$folder/nats.ext"
# The folder is ours alone; inside a container another user reads them.
chmod 644 "$folder/ca.pem" "$folder/nats.pem" "$folder/nats.key"
