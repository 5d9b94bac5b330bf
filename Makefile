# SPDX-License-Identifier: GPL-2.0-or-later
# faasmat: see README.md. `make help` lists the targets; V=1 shows the commands.

BUILD   := build
VARIANT ?= gcc
SOAK_TIME ?= 600
prefix  ?= /usr/local
sysconfdir ?= /etc
unitdir ?= $(prefix)/lib/systemd/system

ifeq ($(V),1)
Q =
msg =
else
Q = @
msg = @printf '  %-8s %s\n' "$(1)" "$(2)";
endif

CC_gcc   := gcc
CC_clang := clang
CC_san   := gcc
CC_fuzz  := clang
CC       := $(CC_$(VARIANT))
WARN     := -Wall -Wextra -Werror
OPT_gcc  := -O2
OPT_clang := -O2
OPT_san  := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
CFLAGS   += -std=gnu11 -g $(OPT_$(VARIANT)) $(WARN) -D_GNU_SOURCE -I. -I$(BUILD) -MMD -MP
LDFLAGS  += $(filter -fsanitize=%,$(OPT_$(VARIANT)))
# The serial OpenBLAS: the threaded one starts threads in every process that loads it, and a signal
# that a daemon has blocked for its signalfd then kills the process through one of those. DT_RPATH, not
# RUNPATH: what LAPACKE loads in turn must be the serial one too.
BLAS_DIR := /usr/lib/$(shell gcc -print-multiarch 2>/dev/null)/openblas-serial
LDFLAGS  += -L$(BLAS_DIR) -Wl,--disable-new-dtags,-rpath,$(BLAS_DIR)
LIBS     := -lsystemd -lbpf -lelf -lsqlite3 -ljansson -lcgroup -lfftw3f -lz -lm -lpthread -lncursesw -ltinfo

BPFTOOL  := $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
OUT      := $(BUILD)/$(VARIANT)
SKEL     := $(BUILD)/bpf/faasmat.skel.h

LIB_DIRS := common identity lib runtime store collector forecast governor simulator
LIB_SRC  := $(foreach d,$(LIB_DIRS),$(wildcard $(d)/*.c))
# The watchdog and the OCI wrapper are programs of their own, small and static.
LIB_SRC  := $(filter-out governor/watchdog.c runtime/main.c,$(LIB_SRC))
LIB_OBJ  := $(LIB_SRC:%.c=$(OUT)/%.o)
LIB      := $(OUT)/libfaasmat-all.a
CLI_OBJ  := $(patsubst %.c,$(OUT)/%.o,$(wildcard cli/*.c))
# late.bpf.c is an object of its own: few platforms need it, and it is not pinned.
BPF_SRC  := $(filter-out bpf/late.bpf.c,$(wildcard bpf/*.bpf.c))
LATE_SKEL := $(BUILD)/bpf/late.skel.h
TEST_SRC := $(wildcard tests/test_*.c)
TESTS_BIN := $(TEST_SRC:tests/%.c=$(OUT)/tests/%)
BENCH_SRC := $(wildcard bench/bench_*.c)
BENCH_BIN := $(BENCH_SRC:bench/%.c=$(OUT)/bench/%)
# The rig but for its main, so that unit tests reach its pure cores.
RIG_SRC  := $(filter-out vmtest/rig/proxy.c vmtest/rig/bare.c vmtest/rig/main.c,$(wildcard vmtest/rig/*.c))
RIG_LIB  := $(OUT)/librig.a
VMT_SRC  := $(wildcard vmtest/tools/*.c)
VMT_BIN  := $(VMT_SRC:vmtest/tools/%.c=$(OUT)/vmtest/%)

UNITS    := $(patsubst packaging/systemd/%.in,%,$(wildcard packaging/systemd/*.service.in))
PROGRAMS := $(BUILD)/faasmat $(BUILD)/faasmat-watchdog $(BUILD)/faasmat-runtime $(BUILD)/libfaasmat.o

.PHONY: all deps check mutants demo bench vmtest soak install clean format help tests-build vm-build \
	clang-build print-compile print-libs format-check fuzz fuzz-build
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS)

help:
	@echo 'make            build/faasmat and the other programs'
	@echo 'make deps       install what is missing from Debian packages (root or sudo)'
	@echo 'make demo       the comparison LRU / shadow / dynamic in a VM (under 10 minutes)'
	@echo 'make check      every test; TESTS="name..." runs some'
	@echo 'make mutants    removes one safety rule at a time; a test must notice each'
	@echo 'make vmtest     the VM tests alone; TEST=name runs one'
	@echo 'make soak       the long VM runs: kills, hostile plans, power cuts; SOAK_TIME=600 seconds a kernel'
	@echo 'make bench      benchmarks, one JSON object a line; BENCH=name runs one'
	@echo 'make fuzz       parsers under libFuzzer, FUZZ_TIME=60 seconds each; FUZZ=name runs one'
	@echo 'make install    to $$(DESTDIR)$$(prefix), default /usr/local'
	@echo 'make format     clang-format every C file'
	@echo 'make clean      removes build/'

# Whatever needs a tool or a library asks for it by this file, so that `make demo` on a fresh machine
# sets itself up. packaging/deps.sh finds out in a second that nothing is missing.
DEPS := $(BUILD)/.deps
$(DEPS): packaging/deps.sh
	@mkdir -p $(BUILD)
	$(Q)packaging/deps.sh $(BUILD)
	@touch $@

deps:
	@mkdir -p $(BUILD)
	$(Q)packaging/deps.sh $(BUILD)
	@touch $(DEPS)

# --- BPF: CO-RE objects, linked into one, embedded as a skeleton
$(BUILD)/bpf/vmlinux.h: | $(DEPS)
	@mkdir -p $(@D)
	$(call msg,BTF,$@)
	$(Q)bpf/vmlinux-btf.sh $(BPFTOOL) $(BUILD) > $@

# BPF_PROG() gives every program a context and all the hook's arguments, used or not.
$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) $(BUILD)/bpf/vmlinux.h
	$(call msg,BPF,$@)
	$(Q)clang -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Wextra -Werror -Wno-unused-parameter \
		-I. -I$(BUILD)/bpf -c $< -o $@
	$(Q)llvm-strip -g $@

$(BUILD)/bpf/faasmat.o: $(BPF_SRC:%.bpf.c=$(BUILD)/%.bpf.o)
	$(call msg,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKEL): $(BUILD)/bpf/faasmat.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name faasmat_bpf > $@

# The benchmark's: the same programs with states to measure them in, and once more with counters that
# prove which way each packet went.
BENCH_SKEL := $(BUILD)/bench/bpf_paths.skel.h $(BUILD)/bench/bpf_proof.skel.h
$(BUILD)/bench/bpf_proof.bpf.o: BENCH_DEFINES := -DPROVE
$(BUILD)/bench/bpf_%.bpf.o: bench/bpf_paths.bpf.c $(wildcard bpf/*.[ch]) $(BUILD)/bpf/vmlinux.h
	@mkdir -p $(@D)
	$(call msg,BPF,$@)
	$(Q)clang -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Wextra -Werror \
		-Wno-unused-parameter $(BENCH_DEFINES) -I. -I$(BUILD)/bpf -c $< -o $@
	$(Q)llvm-strip -g $@

$(BUILD)/bench/bpf_%.skel.h: $(BUILD)/bench/bpf_%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name bpf_$* > $@

$(OUT)/bench/bench_bpf: $(BENCH_SKEL)

# For bpf-nginx.sh, which attaches it with bpftool.
$(BUILD)/bench/empty.bpf.o: bench/empty.bpf.c | $(DEPS)
	@mkdir -p $(@D)
	$(call msg,BPF,$@)
	$(Q)clang -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Werror -Wno-unused-parameter \
		-I/usr/include/$(shell uname -m)-linux-gnu -c $< -o $@

$(LATE_SKEL): $(BUILD)/bpf/late.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name late_bpf > $@

# --- C
$(OUT)/%.o: %.c | $(DEPS)
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(CC) $(CFLAGS) -c $< -o $@

# Loops over members and days: vectorised, the default model takes a fifth less time. Nobody reads errno or
# floating-point traps; no value changes by these flags.
$(BUILD)/gcc/forecast/%.o $(BUILD)/clang/forecast/%.o: CFLAGS += -O3 -fno-math-errno -fno-trapping-math

$(patsubst %.c,$(OUT)/%.o,$(wildcard collector/*.c)): $(SKEL) $(LATE_SKEL)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(call msg,AR,$@)
	$(Q)ar rcs $@ $^

$(OUT)/faasmat: $(CLI_OBJ) $(LIB)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/faasmat: $(BUILD)/gcc/faasmat
	@cp $< $@

$(BUILD)/faasmat-watchdog: governor/watchdog.c | $(DEPS)
	@mkdir -p $(BUILD)/gcc/governor
	$(call msg,CC,$@)
	$(Q)gcc $(filter-out -MMD -MP,$(CFLAGS)) -Os -static -s -o $@ $<

# Static: it runs at every start of a container, and a dynamic loader would take as long as all it does.
RUNTIME_OBJ := $(patsubst %.c,$(OUT)/%.o,$(wildcard runtime/*.c identity/*.c) lib/faasmat.c \
	common/cgroupfs.c common/clock.c common/log.c common/parse.c)
$(OUT)/faasmat-runtime: $(RUNTIME_OBJ)
	$(call msg,LINK,$@)
	$(Q)$(CC) -static $(filter-out -fsanitize=%,$(LDFLAGS)) -o $@ $^ -ljansson -lm

$(BUILD)/faasmat-runtime: $(BUILD)/gcc/faasmat-runtime
	@strip -o $@ $<

# So that others can make a shared library of it.
$(OUT)/lib/faasmat.o: CFLAGS += -fPIC
$(BUILD)/libfaasmat.o: $(BUILD)/gcc/lib/faasmat.o
	@cp $< $@

# --- unit tests, benches, VM test programs
$(BUILD)/tests/%.bpf.o: tests/%.bpf.c $(BUILD)/bpf/vmlinux.h
	@mkdir -p $(@D)
	$(call msg,BPF,$@)
	$(Q)clang -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Werror -I$(BUILD)/bpf -c $< -o $@

$(OUT)/tests/%: tests/%.c $(LIB) $(wildcard tests/*.h) | $(DEPS)
	@mkdir -p $(@D)
	$(call msg,TEST,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIB) -lcmocka $(LIBS)

$(OUT)/bench/%: bench/%.c $(LIB) | $(DEPS)
	@mkdir -p $(@D)
	$(call msg,BENCH,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIB) $(LIBS)

# The class exec's servers: the smaller a program, the more processes a second.
SPAWN := $(OUT)/bench/spawn $(OUT)/bench/nothing
$(OUT)/bench/spawn: bench/spawn.c
	@mkdir -p $(@D)
	$(call msg,BENCH,$@)
	$(Q)$(CC) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) -o $@ $<

$(OUT)/bench/nothing: bench/nothing.c
	@mkdir -p $(@D)
	$(call msg,BENCH,$@)
	$(Q)$(CC) $(filter-out -MMD -MP -fsanitize=%,$(CFLAGS)) -nostdlib -static -o $@ $<

# What `top` asks the database is the command's own.
$(OUT)/bench/bench_store: bench/bench_store.c $(filter-out %/main.o,$(CLI_OBJ)) $(LIB) | $(DEPS)
	@mkdir -p $(@D)
	$(call msg,BENCH,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(filter %.o,$^) $(LIB) $(LIBS)

$(RIG_LIB): $(RIG_SRC:%.c=$(OUT)/%.o)
	@rm -f $@
	$(call msg,AR,$@)
	$(Q)ar rcs $@ $^

$(OUT)/tests/test_rig%: tests/test_rig%.c $(RIG_LIB) $(LIB) $(wildcard tests/*.h) | $(DEPS)
	@mkdir -p $(@D)
	$(call msg,TEST,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(RIG_LIB) $(LIB) -lcmocka $(LIBS)

$(OUT)/rig: $(OUT)/vmtest/rig/main.o $(RIG_LIB) $(LIB)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# Static: a container then holds one program and nothing that it shares with others.
$(OUT)/proxy: vmtest/rig/proxy.c vmtest/rig/proxy.h | $(DEPS)
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(CC) $(CFLAGS) -static -o $@ $<

$(OUT)/bare: $(OUT)/vmtest/rig/bare.o $(OUT)/common/cgroupfs.o
	$(call msg,LINK,$@)
	$(Q)$(CC) -static $(filter-out -fsanitize=%,$(LDFLAGS)) -o $@ $^ -ljansson

$(OUT)/vmtest/%: vmtest/tools/%.c $(LIB) | $(DEPS)
	@mkdir -p $(@D)
	$(call msg,TEST,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIB) $(LIBS)

FUZZ_BIN := $(patsubst fuzz/%.c,$(OUT)/fuzz/%,$(wildcard fuzz/fuzz_*.c))
$(OUT)/fuzz/%: fuzz/%.c fuzz/fuzz.h $(LIB) | $(DEPS)
	@mkdir -p $(@D)
	$(call msg,FUZZ,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< $(LIB) $(LIBS)

fuzz-build: $(FUZZ_BIN)
fuzz:
	$(Q)$(MAKE) --no-print-directory VARIANT=fuzz fuzz-build
	$(Q)fuzz/run.sh $(FUZZ)

tests-build: $(TESTS_BIN)
bench-build: $(BENCH_BIN) $(SPAWN) $(BUILD)/bench/empty.bpf.o
vm-build: all $(OUT)/rig $(OUT)/proxy $(OUT)/bare $(VMT_BIN) $(OUT)/bench/sweep $(SPAWN)
clang-build: all
	$(Q)$(MAKE) --no-print-directory VARIANT=clang $(BUILD)/clang/faasmat $(BUILD)/clang/rig $(BUILD)/clang/faasmat-runtime

check: all
	$(Q)tests/check.sh $(TESTS)

vmtest: vm-build
	$(Q)vmtest/run-tests.sh $(TEST)

# For tests/mutants.sh, which builds single files.
print-compile:
	@echo '$(CFLAGS)'
print-libs:
	@echo '$(LDFLAGS) $(LIB) -lcmocka $(LIBS)'

mutants: all
	$(Q)tests/mutants.sh

soak: vm-build
	$(Q)vmtest/soak.sh $(SOAK_TIME)

demo: vm-build
	$(Q)vmtest/demo.sh

bench: vm-build bench-build
	$(Q)bench/run.sh $(BENCH)

install: all
	install -D -m 755 $(BUILD)/faasmat $(DESTDIR)$(prefix)/bin/faasmat
	install -D -m 755 $(BUILD)/faasmat-runtime $(DESTDIR)$(prefix)/libexec/faasmat/faasmat-runtime
	install -D -m 644 lib/faasmat.h $(DESTDIR)$(prefix)/include/faasmat.h
	install -D -m 644 $(BUILD)/libfaasmat.o $(DESTDIR)$(prefix)/lib/libfaasmat.o
	install -D -m 755 $(BUILD)/faasmat-watchdog $(DESTDIR)$(prefix)/libexec/faasmat/faasmat-watchdog
	install -d $(DESTDIR)$(unitdir) $(DESTDIR)$(prefix)/share/doc/faasmat
	for unit in $(UNITS); do sed 's|@prefix@|$(prefix)|g; s|@sysconfdir@|$(sysconfdir)|g' \
		packaging/systemd/$$unit.in >$(DESTDIR)$(unitdir)/$$unit; done
	install -m 644 docs/*.md packaging/systemd/on-change.conf $(DESTDIR)$(prefix)/share/doc/faasmat
	install -D -m 644 -t $(DESTDIR)$(prefix)/share/doc/faasmat/platforms docs/platforms/*.md
	install -D -m 644 -t $(DESTDIR)$(prefix)/libexec/faasmat/adapters packaging/adapters/adapter.sh
	install -m 755 -t $(DESTDIR)$(prefix)/libexec/faasmat/adapters packaging/adapters/openfaas.sh \
		packaging/adapters/knative.sh packaging/adapters/openwhisk.sh
	@# What the operator wrote stays.
	[ -e $(DESTDIR)$(sysconfdir)/faasmat.conf ] || \
		install -D -m 644 packaging/faasmat.conf $(DESTDIR)$(sysconfdir)/faasmat.conf

C_FILES := $(shell find bpf common identity lib fuzz store collector forecast governor simulator runtime cli tests \
	vmtest bench -name '*.[ch]' 2>/dev/null)
format:
	clang-format -i $(C_FILES)

format-check:
	@clang-format --dry-run -Werror $(C_FILES)

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
