# shellcheck shell=sh
#
# maven.sh - jars from Maven, pinned by their checksums.  Sourced, never run.
#
# Maven resolves and verifies them; they are then compared with a list of
# checksums in the checkout, so what runs in a test is what ran when the list
# was made.  The cache is $WALFERRY_CACHE, or ~/.cache/walferry.  What is
# complete there is used as it is, without a look at the network.
#
cache=${WALFERRY_CACHE:-${HOME:-/nonexistent}/.cache/walferry}
plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.1

die()
{
	echo "$(basename "$0"): $*" >&2
	exit 1
}

has_all_jars()					# DIRECTORY
{
	[ -d "$1" ] && (cd "$1" && sha256sum --check --status --strict "$sums")
}

# fetch_jars WHAT DIRECTORY SUMS RECORD GROUP:ARTIFACT:VERSION[:TYPE:CLASSIFIER] ...
#
# Puts the artifacts and all that they depend on into DIRECTORY of the cache,
# and prints its path; with a classifier, an artifact alone.  If RECORD is not
# empty, SUMS is written; otherwise they
# must be those of SUMS.  WHAT they are is for messages.
fetch_jars()
{
	what=$1
	dir=$cache/$2
	sums=$3
	record=$4
	shift 4

	if [ -z "$record" ] && has_all_jars "$dir"; then
		echo "$dir"
		return
	fi

	command -v mvn >/dev/null ||
		die "Maven is needed to fetch $what: run make deps"

	mkdir -p "$cache" ||
		die "cannot write the cache $cache: set WALFERRY_CACHE"
	tmp=$(mktemp -d "$cache/fetch.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 1' HUP INT TERM

	{
		echo '<project xmlns="http://maven.apache.org/POM/4.0.0">'
		echo '<modelVersion>4.0.0</modelVersion>'
		echo '<groupId>walferry.test</groupId>'
		echo '<artifactId>fetch</artifactId><version>1</version>'
		echo '<packaging>pom</packaging><dependencies>'
		for gav in "$@"; do
			group=${gav%%:*}
			rest=${gav#*:}
			echo "<dependency><groupId>$group</groupId>"
			echo "<artifactId>${rest%%:*}</artifactId>"
			rest=${rest#*:}
			echo "<version>${rest%%:*}</version>"
			case $rest in
				*:*:*)
					rest=${rest#*:}
					echo "<type>${rest%%:*}</type>"
					echo "<classifier>${rest#*:}</classifier>"
					echo '<exclusions><exclusion><groupId>*</groupId>'
					echo '<artifactId>*</artifactId></exclusion></exclusions>' ;;
			esac
			echo '</dependency>'
		done
		echo '</dependencies></project>'
	} > "$tmp/pom.xml"

	echo "fetching $what through Maven" >&2
	try=1
	until mvn -q -B -C -U -f "$tmp/pom.xml" "$plugin:copy-dependencies" \
		"-DoutputDirectory=$tmp/lib" >&2 < /dev/null; do
		[ "$try" -lt 5 ] || die "Maven could not fetch $what"
		echo "$(basename "$0"): attempt $try failed, trying again" >&2
		sleep $((try * 3))
		try=$((try + 1))
	done

	if [ -n "$record" ]; then
		(cd "$tmp/lib" && sha256sum ./* | sed 's,\./,,') > "$sums"
	fi
	has_all_jars "$tmp/lib" ||
		die "the jars differ from those recorded in $sums:
$(cd "$tmp/lib" && sha256sum --check --quiet --strict "$sums" 2>&1)"

	chmod -R go+rX "$tmp/lib"
	rm -rf "$dir"
	# Another run may have put the same directory there meanwhile.
	mv -T "$tmp/lib" "$dir" 2>/dev/null || has_all_jars "$dir" ||
		die "cannot write $dir"
	echo "$dir"
}
