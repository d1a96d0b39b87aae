#!/bin/sh
#
# broker.sh - a real one-node Apache Kafka broker (KRaft) for tests and demo.
#
#   broker.sh start DIR [option ...]     new broker in DIR; prints its address
#       --version V        4.3.1 (default, or $KAFKA_VERSION) or 3.9.2
#       --sasl             adds a SASL_SSL listener: SCRAM-SHA-512 and PLAIN.
#                          librdkafka before 2.6.1 cannot do SCRAM with
#                          Kafka 4 (it sends a wrong nonce, which Kafka 3.9
#                          lets pass): use --version 3.9.2 or PLAIN there
#       --user NAME:PASS   user of that listener (default walferry:secret);
#                          may be repeated
#       --mtls             adds an SSL listener that wants a client certificate
#       --acl              refuses what no ACL allows; whoever comes through
#                          the PLAINTEXT listener is a superuser
#       --advertise NAME=PORT   adds a plaintext listener NAME, which sends its
#                          clients to 127.0.0.1:PORT: for a proxy there
#       --auto-create      lets a client create topics by using them
#       --data DATADIR     keeps the logs in DATADIR, which must be empty, in
#                          the place of DIR/data: for a disk of its own
#       --node N --quorum 1@HOST:PORT,2@HOST:PORT,... --cluster-id ID
#                          one of several brokers, each started with the same
#                          quorum and id (22 characters of base64url): topics
#                          of Kafka's own have three replicas.  It answers
#                          once most of them are up: start them at once
#       --set NAME=VALUE   a line of server.properties; may be repeated
#   broker.sh address DIR [plaintext|sasl|mtls|NAME]   prints HOST:PORT
#   broker.sh stop DIR         SIGTERM, SIGKILL after 15 s; waits for the end
#   broker.sh kill DIR         SIGKILL; waits for the end
#   broker.sh restart DIR      stops if need be; same ports, same data
#   broker.sh pause DIR        SIGSTOP: alive, silent
#   broker.sh resume DIR       SIGCONT
#   broker.sh status DIR       exit 0 if it answers a metadata request
#   broker.sh topics DIR ARGS  kafka-topics.sh, for example --create --topic t
#   broker.sh acls DIR ARGS    kafka-acls.sh
#   broker.sh configs DIR ARGS kafka-configs.sh
#   broker.sh tool DIR CLASS ARGS
#
# DIR holds everything: server.properties, data/, broker.log, broker.pid and,
# after a restart, broker.log.old; for --sasl and --mtls, tls/ (see
# ../certs.sh; tls/ca.crt is the authority).
# The broker runs as the caller, listens on 127.0.0.1 only, at ports that were
# free, and outlives this script.  Only a process that runs DIR's
# server.properties is ever signalled, whatever broker.pid says.
#
set -eu
LC_ALL=C
export LC_ALL

here=$(cd "$(dirname "$0")" && pwd)
start_timeout=${BROKER_START_TIMEOUT:-90}
heap="-Xmx512M -Xms128M -XX:+UseSerialGC -XX:TieredStopAtLevel=1"

die()
{
	echo "broker.sh: $*" >&2
	exit 1
}

usage()
{
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}

need()
{
	command -v "$1" >/dev/null || die "$1 is needed: run make deps"
}

# Ports below the range that the kernel hands out to outgoing connections,
# so that a restart finds them free again.
free_ports()
{
	perl -MIO::Socket::INET -e '
		my ($n, @open) = shift;
		for (1 .. 1000) {
			last if @open == $n;
			my $s = IO::Socket::INET->new(Listen => 1,
				LocalAddr => "127.0.0.1", LocalPort => 16384 + int rand 16000);
			push @open, $s if $s;
		}
		print join(" ", map { $_->sockport } @open), "\n";
		exit(@open != $n);' "$1"
}

# Is the process that broker.pid names alive, and ours?
alive()
{
	pid=$(cat "$dir/broker.pid" 2>/dev/null) || return 1
	[ -n "$pid" ] || return 1
	tr '\0' '\n' < "/proc/$pid/cmdline" 2>/dev/null |
		grep -Fqx "$dir/server.properties"
}

wait_gone()						# SECONDS
{
	n=$(($1 * 10))
	while alive; do
		[ "$n" -gt 0 ] || return 1
		n=$((n - 1))
		sleep 0.1
	done
}

signal()						# SIGNAL
{
	kill "-$1" "$pid" 2>/dev/null || ! alive ||
		die "cannot signal process $pid"
}

end_now()
{
	if alive; then
		signal KILL
		wait_gone 20 || die "process $pid survived SIGKILL"
	fi
	rm -f "$dir/broker.pid"
}

end_softly()
{
	if alive; then
		signal CONT
		signal TERM
		wait_gone 15 || end_now
	fi
	rm -f "$dir/broker.pid"
}

answers()
{
	kcat -b "$bootstrap" -L -m 2 -X socket.timeout.ms=2000 \
		-X log_level=0 >/dev/null 2>&1
}

load()
{
	[ -r "$dir/broker.env" ] || die "no broker was set up in $dir"
	# Values written by set_up(): ports, addresses and a directory.
	# shellcheck disable=SC1091
	. "$dir/broker.env"
}

logging_options()
{
	case $version in
		3.*)
			{
				echo 'log4j.rootLogger=WARN, out'
				echo 'log4j.appender.out=org.apache.log4j.ConsoleAppender'
				echo 'log4j.appender.out.layout=org.apache.log4j.PatternLayout'
				echo 'log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n'
			} > "$dir/log4j.properties"
			echo "-Dlog4j.configuration=file:$dir/log4j.properties"
			;;
		*) echo "-Dlog4j2.level=WARN" ;;
	esac
}

# Starts the process and waits until it answers.  1: a port was taken.
launch()
{
	# What an earlier process said is kept beside it.
	[ ! -s "$dir/broker.log" ] ||
		cat "$dir/broker.log" >> "$dir/broker.log.old"
	: > "$dir/broker.log"
	# shellcheck disable=SC2086,SC2046 # options are words
	setsid java $heap $(logging_options) -cp "$jars/*" kafka.Kafka \
		"$dir/server.properties" >> "$dir/broker.log" 2>&1 < /dev/null \
		3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
	echo $! > "$dir/broker.pid"

	# The command line is java's only once exec() has happened.
	n=50
	until alive || [ "$n" -eq 0 ]; do
		n=$((n - 1))
		sleep 0.1
	done
	deadline=$(($(date +%s) + start_timeout))
	until answers; do
		if ! alive; then
			grep -q 'already in use' "$dir/broker.log" && return 1
			tail -n 30 "$dir/broker.log" >&2
			die "the broker ended at start, see above"
		fi
		if [ "$(date +%s)" -ge "$deadline" ]; then
			tail -n 30 "$dir/broker.log" >&2
			end_now
			die "no answer from the broker within $start_timeout s"
		fi
		sleep 0.1
	done
}

set_up()
{
	# shellcheck disable=SC2046 # five ports are five words
	set -- $(free_ports 5) || die "found no free ports"
	[ $# -eq 5 ] || die "found no free ports"
	bootstrap=127.0.0.1:$1
	listeners="PLAINTEXT://127.0.0.1:$1"
	protocols="PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
	sasl_address=
	mtls_address=
	if [ -n "$sasl" ]; then
		# By name, because that is what a client checks in the certificate.
		sasl_address=localhost:$3
		listeners="$listeners,SASLSSL://localhost:$3"
		protocols="$protocols,SASLSSL:SASL_SSL"
	fi
	if [ -n "$mtls" ]; then
		mtls_address=localhost:$4
		listeners="$listeners,MTLS://localhost:$4"
		protocols="$protocols,MTLS:SSL"
	fi
	advertised=$listeners
	proxied_name=${advertise%%=*}
	proxied_address=
	if [ -n "$advertise" ]; then
		proxied_address=127.0.0.1:$5
		listeners="$listeners,$proxied_name://127.0.0.1:$5"
		advertised="$advertised,$proxied_name://127.0.0.1:${advertise#*=}"
		protocols="$protocols,$proxied_name:PLAINTEXT"
	fi

	voters=${quorum:-1@127.0.0.1:$2}
	controller=${voters#*"$node@"}
	controller=${controller%%,*}
	replicas=1
	in_sync=1
	if [ -n "$quorum" ]; then
		replicas=3
		in_sync=2
	fi

	{
		echo "process.roles=broker,controller"
		echo "node.id=$node"
		echo "controller.quorum.voters=$voters"
		echo "controller.listener.names=CONTROLLER"
		echo "inter.broker.listener.name=PLAINTEXT"
		echo "listeners=$listeners,CONTROLLER://$controller"
		echo "advertised.listeners=$advertised"
		echo "listener.security.protocol.map=$protocols"
		echo "log.dirs=$data"
		echo "auto.create.topics.enable=$auto_create"
		echo "offsets.topic.replication.factor=$replicas"
		echo "offsets.topic.num.partitions=3"
		echo "transaction.state.log.replication.factor=$replicas"
		echo "transaction.state.log.min.isr=$in_sync"
		echo "transaction.state.log.num.partitions=3"
		echo "share.coordinator.state.topic.replication.factor=$replicas"
		echo "share.coordinator.state.topic.min.isr=$in_sync"
		echo "group.initial.rebalance.delay.ms=0"
		# A killed broker may come back only when its last session is over.
		echo "broker.session.timeout.ms=3000"
		echo "broker.heartbeat.interval.ms=500"
		if [ -n "$sasl$mtls" ]; then
			echo "ssl.keystore.type=PEM"
			echo "ssl.keystore.location=$dir/tls/server.pem"
			echo "ssl.truststore.type=PEM"
			echo "ssl.truststore.location=$dir/tls/ca.crt"
		fi
		if [ -n "$sasl" ]; then
			l=listener.name.saslssl
			echo "$l.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN"
			echo "$l.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;"
			plain=
			for user in $users; do
				plain="$plain user_${user%%:*}=\"${user#*:}\""
			done
			echo "$l.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required$plain;"
		fi
		[ -z "$mtls" ] ||
			echo "listener.name.mtls.ssl.client.auth=required"
		if [ -n "$acl" ]; then
			echo "authorizer.class.name=\
org.apache.kafka.metadata.authorizer.StandardAuthorizer"
			echo "super.users=User:ANONYMOUS"
		fi
		printf '%s' "$settings"
	} > "$dir/server.properties"

	{
		echo "version=$version"
		echo "jars='$jars'"
		echo "bootstrap=$bootstrap"
		echo "sasl_address=$sasl_address"
		echo "mtls_address=$mtls_address"
		echo "proxied_name=$proxied_name"
		echo "proxied_address=$proxied_address"
	} > "$dir/broker.env"
}

format()
{
	rm -rf "$dir/data"
	# Without "-", which at its begin would be taken for an option.
	[ -n "$cluster_id" ] ||
		cluster_id=$(openssl rand -base64 16 | tr '+/' 'Az' | tr -d '=')
	set -- -t "$cluster_id" -c "$dir/server.properties"
	if [ -n "$sasl" ]; then
		for user in $users; do
			set -- "$@" --add-scram "SCRAM-SHA-512=[name=${user%%:*},\
password=${user#*:}]"
		done
	fi
	run_tool kafka.tools.StorageTool format "$@" > "$dir/format.log" 2>&1 ||
		{ cat "$dir/format.log" >&2; die "cannot format $data"; }
}

run_tool()						# CLASS ARGS
{
	# shellcheck disable=SC2046 # options are words
	java -Xmx128M -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
		$(logging_options) -cp "$jars/*" "$@"
}

# The tools moved from one package to another between the two series.
first_class()					# CLASS ...
{
	for class in "$@"; do
		file=$(echo "$class" | tr . /).class
		for jar in "$jars"/kafka*.jar; do
			# The names in a jar's directory are not compressed.
			if grep -aqF "$file" "$jar"; then
				echo "$class"
				return
			fi
		done
	done
	die "Kafka $version has none of: $*"
}

start()
{
	version=${KAFKA_VERSION:-4.3.1}
	sasl=
	mtls=
	acl=
	advertise=
	auto_create=false
	users=
	settings=
	data=$dir/data
	node=1
	quorum=
	cluster_id=
	while [ $# -gt 0 ]; do
		case $1 in
			--version) version=$2; shift ;;
			--sasl) sasl=yes ;;
			--mtls) mtls=yes ;;
			--acl) acl=yes ;;
			--advertise) advertise=$2; shift ;;
			--auto-create) auto_create=true ;;
			--data) data=$2; shift ;;
			--node) node=$2; shift ;;
			--quorum) quorum=$2; shift ;;
			--cluster-id) cluster_id=$2; shift ;;
			--user) users="$users $2"; shift ;;
			--set) settings="$settings$2
"; shift ;;
			*) usage ;;
		esac
		shift
	done
	users=${users:-walferry:secret}
	[ ! -e "$dir/broker.env" ] ||
		die "$dir holds a broker already: use restart"
	need java
	need kcat
	need openssl
	need perl
	# The tests' user may not read the cache; then they have a copy.
	jars=${WALFERRY_KAFKA_JARS:+$WALFERRY_KAFKA_JARS/kafka-$version}
	[ -n "$jars" ] && [ -d "$jars" ] || jars=$("$here/fetch.sh" "$version")
	if [ -n "$sasl$mtls" ]; then
		"$here/../certs.sh" "$dir/tls"
	fi

	# Somebody may take a port between the look and the use: look again.
	for try in 1 2 3; do
		set_up
		format
		if launch; then
			echo "$bootstrap"
			return
		fi
		echo "broker.sh: a port was taken (attempt $try)" >&2
		end_now
		rm -f "$dir/broker.env"
	done
	die "found no free ports"
}

[ $# -ge 2 ] || usage
command=$1
mkdir -p "$2" || die "cannot make $2"
dir=$(cd "$2" && pwd -P)
shift 2

case $command in
	start)
		start "$@"
		;;
	address)
		load
		case ${1:-plaintext} in
			plaintext) address=$bootstrap ;;
			sasl) address=$sasl_address ;;
			mtls) address=$mtls_address ;;
			"${proxied_name:-none}") address=$proxied_address ;;
			*) usage ;;
		esac
		[ -n "$address" ] || die "the broker has no listener for $1"
		echo "$address"
		;;
	stop)
		end_softly
		;;
	kill)
		end_now
		;;
	restart)
		load
		end_softly
		launch || die "a port of the broker in $dir was taken"
		echo "$bootstrap"
		;;
	pause)
		alive || die "no broker runs in $dir"
		signal STOP
		;;
	resume)
		alive || die "no broker runs in $dir"
		signal CONT
		;;
	status)
		load
		alive && answers
		;;
	topics)
		load
		run_tool org.apache.kafka.tools.TopicCommand \
			--bootstrap-server "$bootstrap" "$@"
		;;
	acls)
		load
		run_tool "$(first_class org.apache.kafka.tools.AclCommand \
			kafka.admin.AclCommand)" --bootstrap-server "$bootstrap" "$@"
		;;
	configs)
		load
		run_tool "$(first_class org.apache.kafka.tools.ConfigCommand \
			kafka.admin.ConfigCommand)" --bootstrap-server "$bootstrap" "$@"
		;;
	tool)
		load
		run_tool "$@"
		;;
	*)
		usage
		;;
esac
