#!/bin/sh
#
# certs.sh - a certificate authority for one test, and what it signed.
#
#   test/certs.sh DIR
#
# Makes DIR/ca.crt; server.crt and server.key for localhost, 127.0.0.1 and
# ::1; elsewhere.crt and elsewhere.key for elsewhere.example and nothing else;
# client.crt and client.key for the common name walferry; server.pem and
# elsewhere.pem, key (PKCS#8) and certificate in one file, as Java wants them;
# and other-ca.crt, an authority that signed none of these.  Valid for two days.
#
set -eu
umask 077

[ $# -eq 1 ] || { echo "usage: certs.sh DIR" >&2; exit 2; }
mkdir -p "$1"
cd "$1"

quietly()
{
	"$@" > openssl.log 2>&1 || { cat openssl.log >&2; exit 1; }
}

new_key()
{
	quietly openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
		-out "$1"
}

for ca in ca other-ca; do
	new_key $ca.key
	quietly openssl req -x509 -new -key $ca.key -sha256 -days 2 \
		-subj "/CN=walferry test $ca" -out $ca.crt
done

sign()							# NAME COMMON_NAME EXTENSIONS
{
	new_key "$1.key"
	printf '%s\n' "$3" > "$1.ext"
	quietly openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
	quietly openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key \
		-CAcreateserial -sha256 -days 2 -extfile "$1.ext" -out "$1.crt"
	rm -f "$1.ext" "$1.csr"
}

sign server localhost 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1
extendedKeyUsage=serverAuth'
sign elsewhere elsewhere.example 'subjectAltName=DNS:elsewhere.example
extendedKeyUsage=serverAuth'
sign client walferry 'extendedKeyUsage=clientAuth'

for name in server elsewhere; do
	{
		openssl pkcs8 -topk8 -nocrypt -in $name.key
		cat $name.crt
	} > $name.pem
done
rm -f openssl.log ./*.srl
