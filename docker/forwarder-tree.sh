#!/bin/sh
#
# Lay out the file tree of the forwarder's image.
#
#	forwarder-tree.sh BINARY TREE
#
# The binary, the shared libraries it is linked with (directly or not), the
# certificate authorities, and the few files in /etc that the C library reads.
# Each Debian package a file came from leaves its record in
# /var/lib/dpkg/status.d, where scanners look for it, and its licence in
# /usr/share/doc.
#
set -eu

binary=$1
tree=$2

mkdir -p "$tree/usr/bin" "$tree/etc/ssl/certs" "$tree/etc/walferry" \
	"$tree/var/lib/dpkg/status.d" "$tree/tmp" "$tree/run/walferry"
chmod 1777 "$tree/tmp"
chown 65532:65532 "$tree/run/walferry"
install -m 755 "$binary" "$tree/usr/bin/walferry"

# "libx.so.1 => /lib/.../libx.so.1 (0x..)" and "/lib64/ld-linux.. (0x..)".
libs=$(ldd "$binary")
case $libs in
	*"not found"*)
		echo "forwarder-tree.sh: $libs" >&2
		exit 1
		;;
esac
libs=$(echo "$libs" | sed -n 's/^.*[[:space:]]\(\/[^ ]*\) (0x[0-9a-f]*)$/\1/p')
for lib in $libs; do
	mkdir -p "$tree$(dirname "$lib")"
	cp -L "$lib" "$tree$lib"
done
cp -L /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"

for lib in $libs /etc/ssl/certs/ca-certificates.crt; do
	case $lib in
		/etc/ssl/*)
			echo ca-certificates
			continue
			;;
	esac
	# The package may list the file below /lib or below /usr/lib; lines about
	# diversions name none.
	dpkg-query -S "$lib" "/usr$lib" "$(readlink -f "$lib")" 2>/dev/null \
		| sed -n 's/^\([a-z0-9.+-]*\)\(:[a-z0-9]*\)\{0,1\}: \/.*/\1/p' \
		| head -n 1
done | sort -u | while read -r package; do
	dpkg-query -s "$package" >"$tree/var/lib/dpkg/status.d/$package"
	mkdir -p "$tree/usr/share/doc/$package"
	if [ -e "/usr/share/doc/$package/copyright" ]; then
		cp -L "/usr/share/doc/$package/copyright" \
			"$tree/usr/share/doc/$package/"
	fi
done

cp -L /etc/os-release "$tree/etc/os-release"
echo 'root:x:0:0:root:/:/sbin/nologin
walferry:x:65532:65532:walferry:/run/walferry:/sbin/nologin' \
	>"$tree/etc/passwd"
echo 'root:x:0:
walferry:x:65532:' >"$tree/etc/group"
echo 'hosts: files dns' >"$tree/etc/nsswitch.conf"
