#
# variant.mk - where a build of the forwarder goes; included by the Makefiles.
#
# $(call variant,FAULT): nothing, or with SAN, FAULT=1 or RDKAFKA a directory
# below build/, such as "fault-san/".
#
empty :=
space := $(empty) $(empty)
rdkafka_name = $(notdir $(patsubst %/,%,$(RDKAFKA)))
variant = $(addsuffix /,$(subst $(space),-,$(strip $(if $(filter 1,$(1)),fault) \
	$(if $(SAN),san) $(rdkafka_name))))
