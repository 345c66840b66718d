/** Changes of headers that several sources include. */
import { type InTreeScenario, step } from './scenario.js';

const inotifyUser = { object: 'fs/notify/inotify/inotify_user.o', changedFunctions: ['inotify_update_watch'] };

export const headers: readonly InTreeScenario[] = [
  {
    name: 'header-of-vmlinux',
    title: 'a macro in a header that three objects include, of which two use it',
    edits: [
      {
        file: 'fs/notify/inotify/inotify.h',
        from: '#define INOTIFY_USER_MASK (IN_ALL_EVENTS)',
        to: '#define INOTIFY_USER_MASK (IN_ALL_EVENTS & ~IN_ATTRIB)',
      },
    ],
    objects: [{ object: 'fs/notify/fdinfo.o', changedFunctions: ['inotify_fdinfo'] }, inotifyUser],
    objectsOn: {
      '6.12': [{ object: 'fs/notify/fdinfo.o', changedFunctions: ['inotify_show_fdinfo'] }, inotifyUser],
    },
    // Busybox has nothing that watches files: `watch-file` is ours, watch.c.
    prepare: ['chmod +x /bin/watch-file && : > /tmp/watched'],
    before: [step("watch-file /tmp/watched | grep -o ' mask:[0-9a-f]*'", ' mask:6')],
    enabled: [step("watch-file /tmp/watched | grep -o ' mask:[0-9a-f]*'", ' mask:2')],
  },
  {
    name: 'header-of-module',
    title: 'a new inline function in a header of a module that three of its objects include',
    edits: [
      {
        file: 'net/8021q/vlanproc.h',
        from: 'void vlan_proc_cleanup(struct net *net);\n',
        to: 'void vlan_proc_cleanup(struct net *net);\n\nstatic inline const char *vlan_proc_kind(void)\n{\n\treturn "Kind";\n}\n',
      },
      {
        file: 'net/8021q/vlanproc.c',
        from: '\t\tseq_printf(seq, "Name-Type: %s\\n",\n',
        to: '\t\tseq_printf(seq, "%s: %s\\n", vlan_proc_kind(),\n',
      },
    ],
    // It is named once, by the scenario of the same function.
    objects: [],
    before: [step("sed -n '2s/:.*//p' /proc/net/vlan/config", 'Name-Type')],
    enabled: [step("sed -n '2s/:.*//p' /proc/net/vlan/config", 'Kind')],
  },
];
