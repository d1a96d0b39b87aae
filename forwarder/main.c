/*
 * main.c - the command line.
 *
 *     walferry run --config F [--config G] [--set name=value] [--sink stdout]
 *     walferry validate --config F
 *     walferry health --config F | SOCKET
 *     walferry version
 *     walferry faults                  in the test build alone
 *
 * Only here does the program end.
 */
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <libpq-fe.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "buf.h"
#include "config.h"
#include "config_salted.h"
#include "fault.h"
#include "forward.h"
#include "health.h"
#include "kafka_version.h"
#include "log.h"
#include "version.h"
#include "wire.h"

/* clang's way to say what gcc's __SANITIZE_ADDRESS__ does. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_LEAK_CHECK 1
#endif
#endif
#ifndef WITH_LEAK_CHECK
#define WITH_LEAK_CHECK 0
#endif

#ifndef WALFERRY_COMMIT
#define WALFERRY_COMMIT "unknown"
#endif

#if RD_KAFKA_VERSION < KAFKA_VERSION_LEAST
#error "librdkafka 2.0.2 or newer is needed"
#endif

#define HEALTH_TIMEOUT_MS 5000

extern char **environ;

static void
usage(FILE *out)
{
	fputs("walferry carries every committed change of a PostgreSQL database"
		  " into Apache Kafka.\n\n"
		  "Usage:\n"
		  "  walferry run --config FILE       carry changes until SIGTERM\n"
		  "  walferry validate --config FILE  check the configuration\n"
		  "  walferry health --config FILE    ask the running process (or"
		  " health SOCKET);"
		  " 0 if all is well\n"
		  "  walferry version                 versions of program and"
		  " libraries\n\n"
		  "Options:\n"
		  "  -c, --config FILE     .properties, a Connect connector's JSON,"
		  " or Debezium\n"
		  "                        Server's application.properties; may be"
		  " given more\n"
		  "                        than once: a later file wins\n"
		  "  -s, --set NAME=VALUE  one property; wins over files and"
		  " environment\n"
		  "      --sink kafka|stdout\n"
		  "                        stdout is for looking: it confirms nothing"
		  " to a named\n"
		  "                        slot, and without one uses a temporary"
		  " slot\n"
		  "      --print-config    print every property with its origin and"
		  " exit\n"
		  "  -h, --help [all]      this; all: every property\n"
		  "  -V, --version         same as walferry version\n\n"
		  "Exit codes: 0 stopped, 1 failed (a restart may help), 2 usage or"
		  " configuration,\n"
		  "3 PostgreSQL refused, 4 Kafka refused, 5 stopped because going on"
		  " could lose data.\n",
		  out);
}

static int
print_buf(struct buf *b)
{
	size_t written = fwrite(b->data, 1, b->len, stdout);
	bool   ok = written == b->len && fflush(stdout) == 0;

	buf_free(b);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
version(void)
{
	int libpq = PQlibVersion();

	printf(
		"walferry %s (commit %s), protocol %d, librdkafka %s, libpq %d.%d\n",
		WALFERRY_VERSION, WALFERRY_COMMIT, WIRE_VERSION,
		rd_kafka_version_str(), libpq / 10000, libpq % 10000);
	return EXIT_SUCCESS;
}

static bool
check(struct config *config)
{
	if (config_check(config))
		return true;
	for (size_t i = 0; i < config_error_count(config); i++)
		fprintf(stderr, "walferry: %s\n", config_error(config, i));
	return false;
}

/* The library that is loaded need not be the one that was compiled with. */
static bool
check_librdkafka(void)
{
	char text[KAFKA_VERSION_TEXT];

	if (rd_kafka_version() >= KAFKA_VERSION_LEAST)
		return true;
	fprintf(stderr,
			"walferry: librdkafka %s is too old, it may lose records in"
			" silence: install %s or newer\n",
			rd_kafka_version_str(),
			kafka_version_text(KAFKA_VERSION_LEAST, text));
	return false;
}

/* enum kafka_use */
static unsigned
kafka_uses(const struct config *config)
{
	size_t						 n;
	const struct config_setting *settings = config_kafka_settings(config, &n);
	unsigned					 uses = KAFKA_USE_PRODUCER;

	if (!config_is(config, "walferry.sink", "kafka"))
		return 0;
	if (config_bool(config, "exactly.once"))
		uses |= KAFKA_USE_TRANSACTIONS | KAFKA_USE_POSITIONS;
	if (config_is(config, "walferry.position.store", "topic"))
		uses |= KAFKA_USE_POSITIONS;
	for (size_t i = 0; i < n; i++)
	{
		const char *name = settings[i].name;

		if (strcmp(name, "sasl.mechanism") == 0 &&
			strncmp(settings[i].value, "SCRAM", 5) == 0)
			uses |= KAFKA_USE_SCRAM;
		if (strcmp(name, "security.protocol") == 0 &&
			strstr(settings[i].value, "ssl") != NULL)
			uses |= KAFKA_USE_TLS;
		if (strcmp(name, "ssl.certificate.location") == 0 ||
			strcmp(name, "ssl.certificate.pem") == 0 ||
			strcmp(name, "ssl.keystore.location") == 0)
			uses |= KAFKA_USE_CERTIFICATE;
	}
	return uses;
}

/* What this librdkafka breaks of what is used, once. */
static void
announce_flaws(const struct config *config)
{
	size_t					 n;
	const struct kafka_flaw *flaws = kafka_version_flaws(&n);
	unsigned				 uses = kafka_uses(config);
	char					 text[KAFKA_VERSION_TEXT];

	for (size_t i = 0; i < n; i++)
	{
		if (kafka_version_meets(&flaws[i], rd_kafka_version(), uses))
			log_warn("kafka", "this librdkafka has a flaw: upgrade it",
					 "librdkafka=%s flaw=%s effect=%s repaired_in=%s",
					 rd_kafka_version_str(), log_str(flaws[i].breaks),
					 log_str(flaws[i].effect),
					 kafka_version_text(flaws[i].until, text));
	}
}

/* Warnings and what differs from Debezium, once. */
static void
announce(const struct config *config)
{
	for (size_t i = 0; i < config_warning_count(config); i++)
		log_warn("config", config_warning(config, i), NULL);
	for (size_t i = 0; i < config_announcement_count(config); i++)
		log_info("config", config_announcement(config, i), NULL);
}

static int
run(struct config *config)
{
	enum log_level level;

	if (log_parse_level(config_str(config, "walferry.log.level"), &level))
		log_set_level(level);
	log_info("main", "starting", "version=%s commit=%s librdkafka=%s",
			 WALFERRY_VERSION, WALFERRY_COMMIT, rd_kafka_version_str());
	announce(config);
	announce_flaws(config);
	return (int) forward_run(config);
}

static int
validate(const struct config *config)
{
	for (size_t i = 0; i < config_warning_count(config); i++)
		printf("warning: %s\n", config_warning(config, i));
	for (size_t i = 0; i < config_announcement_count(config); i++)
		printf("note: %s\n", config_announcement(config, i));
	printf("configuration is valid\n");
	return EXIT_SUCCESS;
}

/*
 * 0 only if the process says that all is well.  'path' is the socket, or NULL:
 * then it is the configuration's.
 */
static int
health(const struct config *config, const char *path)
{
	struct buf answer = {0};
	bool	   ok;

	if (path == NULL)
		path = config_str(config, "walferry.health.socket");
	if (path == NULL)
	{
		fprintf(stderr, "walferry: walferry.health.socket is not set; give"
						" it the path of a Unix socket\n");
		return FORWARD_USAGE;
	}
	if (!health_ask(path, HEALTH_TIMEOUT_MS, &answer))
	{
		fprintf(stderr, "walferry: %s\n", buf_cstr(&answer));
		buf_free(&answer);
		return FORWARD_FAILED;
	}
	ok = strncmp(buf_cstr(&answer), "{\"status\":\"ok\"", 14) == 0;
	(void) print_buf(&answer);
	return ok ? FORWARD_STOPPED : FORWARD_FAILED;
}

static int
help(const char *topic)
{
	struct buf out = {0};

	if (topic != NULL && strcmp(topic, "all") == 0)
	{
		config_help(&out);
		return print_buf(&out);
	}
	usage(stdout);
	return EXIT_SUCCESS;
}

/* For the Makefile: documents that come from the code. */
static int
docs(const char *what)
{
	struct buf out = {0};

	if (what != NULL && strcmp(what, "states") == 0)
		forward_docs(&out);
	else if (what != NULL && strcmp(what, "librdkafka") == 0)
		kafka_version_docs(&out);
	else
		config_docs(&out);
	return print_buf(&out);
}

#ifdef WALFERRY_FAULT

/*
 * What the test asks for.  The variables are not left where the configuration
 * would find them and take them for misspelt properties.
 */
static bool
arm_faults(void)
{
	struct buf error = {0};
	bool	   ok = fault_init(getenv("WALFERRY_FAILPOINT"),
							   getenv("WALFERRY_SEEDED_BUG"), &error);

	if (!ok)
		fprintf(stderr, "walferry: %s\n", buf_cstr(&error));
	buf_free(&error);
	unsetenv("WALFERRY_FAILPOINT");
	unsetenv("WALFERRY_SEEDED_BUG");
	return ok;
}

static int
faults(void)
{
	struct buf out = {0};

	fault_print(&out);
	return print_buf(&out);
}
#endif

int
main(int argc, char **argv)
{
	enum
	{
		OPT_SINK = 256,
		OPT_PRINT_CONFIG
	};
	static const struct option options[] =
		{{"config", required_argument, NULL, 'c'},
		 {"set", required_argument, NULL, 's'},
		 {"sink", required_argument, NULL, OPT_SINK},
		 {"print-config", no_argument, NULL, OPT_PRINT_CONFIG},
		 {"help", no_argument, NULL, 'h'},
		 {"version", no_argument, NULL, 'V'},
		 {NULL, 0, NULL, 0}};
	struct config *config;
	const char	  *verb;
	const char	  *argument;
	bool		   print_config = false;
	bool		   want_help = false;
	int			   status = FORWARD_USAGE;
	int			   opt;

#if !defined(__SANITIZE_ADDRESS__) && !WITH_LEAK_CHECK
	/* Passwords are in memory: no core files, no looking in by the same user. */
	(void) prctl(PR_SET_DUMPABLE, 0);
#endif
	/*
	 * What is large comes from the system and goes back to it at once; glibc
	 * would raise the limit up to 32 MB with what it sees.
	 */
	(void) mallopt(M_MMAP_THRESHOLD, 1 << 20);
	config = config_new();
#ifdef WALFERRY_FAULT
	if (!arm_faults())
		goto cleanup;
#endif
	while ((opt = getopt_long(argc, argv, "c:s:hV", options, NULL)) != -1)
	{
		switch (opt)
		{
			case 'c':
				(void) config_load_file(config, optarg);
				break;
			case 's':
				config_set_arg(config, optarg);
				break;
			case OPT_SINK:
				config_set_flag(config, "walferry.sink", optarg);
				break;
			case OPT_PRINT_CONFIG:
				print_config = true;
				break;
			case 'h':
				want_help = true;
				break;
			case 'V':
				status = version();
				goto cleanup;
			default:
				fputs("Try \"walferry --help\".\n", stderr);
				goto cleanup;
		}
	}
	verb = optind < argc ? argv[optind] : NULL;
	argument = optind + 1 < argc ? argv[optind + 1] : NULL;

	if (want_help || (verb != NULL && strcmp(verb, "help") == 0))
	{
		status = help(want_help ? verb : argument);
		goto cleanup;
	}
	if (verb == NULL)
	{
		usage(stderr);
		goto cleanup;
	}
	if (strcmp(verb, "version") == 0)
	{
		status = version();
		goto cleanup;
	}
#ifdef WALFERRY_FAULT
	if (strcmp(verb, "faults") == 0)
	{
		status = faults();
		goto cleanup;
	}
#endif
	if (strcmp(verb, "docs") == 0)
	{
		status = docs(argument);
		goto cleanup;
	}
	if (strcmp(verb, "run") != 0 && strcmp(verb, "validate") != 0 &&
		strcmp(verb, "health") != 0)
	{
		fprintf(stderr,
				"walferry: unknown command \"%s\"; commands are run,"
				" validate, health and version\n",
				verb);
		goto cleanup;
	}
	if (argument != NULL && strcmp(verb, "health") == 0)
	{
		status = health(config, argument);
		goto cleanup;
	}
	if (argument != NULL)
	{
		struct buf shown = {0};

		config_salted_put_name(&shown, argument);
		fprintf(stderr,
				"walferry: unexpected argument \"%s\"; give files by"
				" --config\n",
				buf_cstr(&shown));
		buf_free(&shown);
		goto cleanup;
	}

	config_load_env(config, environ);
	if (!check(config) || !check_librdkafka())
		goto cleanup;
	if (print_config)
	{
		struct buf out = {0};

		config_print(config, &out);
		status = print_buf(&out);
	}
	else if (strcmp(verb, "run") == 0)
		status = run(config);
	else if (strcmp(verb, "validate") == 0)
		status = validate(config);
	else
		status = health(config, NULL);

cleanup:
	config_free(config);
#if !defined(__SANITIZE_ADDRESS__) && !WITH_LEAK_CHECK

	/*
	 * librdkafka may have a thread left in a call that nothing interrupts; the
	 * exit handlers of the libraries must not run beside it.
	 */
	fflush(NULL);
	_exit(status);
#endif
	return status;
}
