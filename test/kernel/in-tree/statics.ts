/** Static locals: those of the source, which keep their values, and those that macros of the kernel bring along. */
import { type InTreeScenario, logged, step } from './scenario.js';

export const statics: readonly InTreeScenario[] = [
  {
    name: 'static-local-kept',
    title: 'a static local keeps its value, and another number, since there is a new one of its name',
    edits: [
      {
        file: 'fs/drop_caches.c',
        from: '\t\tif (sysctl_drop_caches & 2) {\n',
        to: `		if (sysctl_drop_caches & 2) {
			static u64 stfu;

			pr_info("kptool dropped %llu times\\n", ++stfu);
`,
      },
      {
        file: 'fs/drop_caches.c',
        from: '\t\tstfu |= sysctl_drop_caches & 4;\n',
        to: '\t\tpr_info("kptool is silent %d\\n", stfu);\n\t\tstfu |= sysctl_drop_caches & 4;\n',
      },
    ],
    objects: [{ object: 'fs/drop_caches.o', changedFunctions: ['drop_caches_sysctl_handler'] }],
    warnings: ['static-local-added'],
    prepare: ['echo 4 > /proc/sys/vm/drop_caches'],
    before: [logged('drop_caches:', 'echo 2 > /proc/sys/vm/drop_caches', 0)],
    enabled: [
      logged('drop_caches:', 'echo 2 > /proc/sys/vm/drop_caches', 0),
      step("dmesg | sed -n 's/.*kptool \\(is\\|dropped\\)/\\1/p' | tail -n 2", 'dropped 1 times', 'is silent 4'),
    ],
  },
  {
    name: 'warned-once',
    title:
      'a message that was printed once is printed once more, since the livepatch has a flag of its own; a new one, too',
    edits: [
      {
        file: 'fs/proc/base.c',
        from: '\tmutex_lock(&oom_adj_mutex);\n\tif (legacy) {\n',
        to: `	mutex_lock(&oom_adj_mutex);
	pr_info_once("kptool: %s\\n", __func__);
	oom_adj |= 1;
	if (legacy) {
`,
      },
    ],
    objects: [{ object: 'fs/proc/base.o', changedFunctions: ['__set_oom_adj.isra.0'] }],
    prepare: ['echo 0 > /proc/self/oom_adj'],
    before: [
      logged('oom_adj is deprecated', 'echo 0 > /proc/self/oom_adj', 0),
      step('sh -c "echo 4 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj"', '4'),
    ],
    enabled: [
      logged('oom_adj is deprecated', 'echo 0 > /proc/self/oom_adj', 1),
      logged('oom_adj is deprecated', 'echo 0 > /proc/self/oom_adj', 0),
      step("dmesg | sed -n 's/.*kptool: \\(__set_oom_adj\\)/\\1/p' | tail -n 1", '__set_oom_adj'),
      logged('kptool: __set_oom_adj', 'echo 0 > /proc/self/oom_adj', 0),
      step('sh -c "echo 4 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj"', '5'),
    ],
  },
  {
    name: 'special-statics',
    title: 'statics that macros bring along: __already_done, __func__, descriptor, _rs',
    edits: [
      {
        file: 'fs/proc/devices.c',
        from: '\tint i = *(loff_t *) v;\n',
        to: `	int i = *(loff_t *) v;

	if (i == 0) {
		pr_debug("kptool debugs %s\\n", __func__);
		pr_warn_once("kptool warns in %s\\n", __func__);
		pr_info_ratelimited("kptool tells\\n");
		if (WARN_ONCE(i < 0, "kptool: %d\\n", i) || WARN_ON_ONCE(!f))
			return -EINVAL;
	}
`,
      },
    ],
    objects: [{ object: 'fs/proc/devices.o', changedFunctions: ['devinfo_show'] }],
    warnings: ['dynamic-debug-touched'],
    before: [step('grep -c devices: /proc/devices', '2')],
    enabled: [
      step(
        'n=$(dmesg | wc -l); cat /proc/devices > /dev/null; dmesg | tail -n +$((n + 1)) | grep -o "kptool .*"',
        'kptool warns in devinfo_show',
        'kptool tells',
      ),
      step('echo "file fs/proc/devices.c +p" > /sys/kernel/debug/dynamic_debug/control'),
      logged('kptool debugs devinfo_show', 'cat /proc/devices > /dev/null', 1),
      logged('kptool warns', 'cat /proc/devices > /dev/null', 0),
    ],
  },
  {
    name: 'static-local-shared',
    title: 'a static local that two functions share, since the one that has it became part of both',
    edits: [
      {
        file: 'drivers/char/random.c',
        from: '\t\tif (uptime >= CRNG_RESEED_INTERVAL / HZ * 2)\n',
        to: '\t\tif (uptime >= CRNG_RESEED_INTERVAL / HZ * 3)\n',
      },
    ],
    objects: [{ object: 'drivers/char/random.o', changedFunctions: ['add_hwgenerator_randomness', 'crng_make_state'] }],
    objectsOn: {
      '6.12': [{ object: 'drivers/char/random.o', changedFunctions: ['add_hwgenerator_randomness', 'crng_reseed'] }],
    },
    keptData: ['early_boot'],
    before: [step('head -c 5 /dev/urandom | wc -c', '5')],
    enabled: [step('head -c 5 /dev/urandom | wc -c', '5')],
  },
];
