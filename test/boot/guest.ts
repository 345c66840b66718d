/**
 * The guest's side of a boot, and how its report is read. The first process runs numbered command files one after the
 * other and reports on a serial line of its own, which no kernel message reaches:
 *
 *     @begin 3
 *     c29tZSBvdXRwdXQK
 *     @end 3 0
 *
 * between the marks the command's output in base64, after the second number its exit status.
 */

/** One thing to do in the guest: text for the guest's shell, with the functions of `guestFunctions`. */
export interface GuestCommand {
  readonly run: string;
  /** After this many seconds the command is ended, with status 143. */
  readonly timeoutSeconds?: number;
}

/** What came of a command. */
export interface GuestResult {
  readonly command: string;
  /** Standard output and error as they came. */
  readonly output: string;
  readonly status: number;
}

export interface GuestReport {
  readonly results: readonly GuestResult[];
  readonly dmesg: string;
  /** Whether the guest came to its end; otherwise it hung or panicked after the last of `results`. */
  readonly isComplete: boolean;
}

/** The serial line of the report. */
const reportLine = '/dev/ttyS1';
const commandFolder = '/run/commands';
const defaultTimeoutSeconds = 60;

/** Path in the guest of the file that holds command `index`, without the leading slash. */
export function commandPath(index: number): string {
  return `${commandFolder.slice(1)}/${String(index).padStart(5, '0')}`;
}

/** Content of the file that holds a command: its time limit, then what is to be run. */
export function commandFile(command: GuestCommand): string {
  return `# ${command.timeoutSeconds ?? defaultTimeoutSeconds}\n. /lib/livepatch.sh\n${command.run}\n`;
}

/** Content of /init. Never ends but by turning the machine off, or the kernel would panic. */
export const initScript = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /run
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
dmesg -n 4
stty -F ${reportLine} raw 115200
# Held open: the last close resets the line, and Bochs then loses what was not sent yet.
exec 3> ${reportLine}

report() { # NUMBER STATUS: standard input is the output
  {
    echo "@begin $1"
    base64
    echo "@end $1 $2"
  } > ${reportLine}
}

for file in ${commandFolder}/*; do
  [ -e "$file" ] || continue
  seconds=$(sed -n '1s/# //p' "$file")
  timeout "$seconds" sh "$file" > /tmp/output 2>&1 < /dev/null
  status=$?
  report "\${file##*/}" "$status" < /tmp/output
done
dmesg | report dmesg 0
echo '@done' > ${reportLine}
# Closing waits until all is sent; what may be lost then is blank.
echo '                                ' > ${reportLine}
exec 3>&-
sleep 0.1
poweroff -f
`;

/** Functions for commands, read before each of them. Every wait has an end, and says what it waited for. */
export const guestFunctions = `
wait_until() { # WHAT CONDITION: half a minute at most
  tries=0
  until eval "$2"; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ]; then
      echo "gave up waiting: $1"
      return 1
    fi
    usleep 100000
  done
}

lp_load() { # NAME: /modules/NAME.ko
  insmod "/modules/$1.ko" || return 1
  wait_until "$1 is applied" '[ "$(cat /sys/kernel/livepatch/'"$1"'/transition 2>&1)" = 0 ]' || return 1
  [ "$(cat "/sys/kernel/livepatch/$1/enabled")" = 1 ] || { echo "$1 is not enabled"; return 1; }
}

lp_patched() { # NAME MODULE FUNCTION...: all of them stand patched
  name=$1 module=$2
  shift 2
  [ "$(cat "/sys/kernel/livepatch/$name/$module/patched")" = 1 ] || { echo "$module is not patched by $name"; return 1; }
  for function in "$@"; do
    grep -q "^$function " /sys/kernel/tracing/enabled_functions || { echo "$function is not traced"; return 1; }
    ls "/sys/kernel/livepatch/$name/$module" | grep -q "^$function,[0-9]*$" || { echo "$function is not in $name"; return 1; }
  done
}

lp_disable() { # NAME: takes it back and unloads it
  echo 0 > "/sys/kernel/livepatch/$1/enabled" || return 1
  lp_unload "$1"
}

lp_unload() { # NAME: disabled or replaced
  wait_until "$1 is taken back" "[ ! -e /sys/kernel/livepatch/$1 ]" || return 1
  rmmod "$1" || return 1
  [ ! -e "/sys/module/$1" ] || { echo "$1 is still there"; return 1; }
}
`;

/** What the guest reported about `commands`, as far as it came. `text` is all that the report line carried. */
export function readReport(text: string, commands: readonly GuestCommand[]): GuestReport {
  const sections = new Map<string, { output: string; status: number }>();
  for (const match of text.replaceAll('\r', '').matchAll(/^@begin (\S+)\n([\s\S]*?)^@end \1 (\d+)$/gm)) {
    const [, name = '', encoded = '', status = ''] = match;
    sections.set(name, { output: Buffer.from(encoded, 'base64').toString(), status: Number(status) });
  }
  const results: GuestResult[] = [];
  for (const [index, command] of commands.entries()) {
    const section = sections.get(commandPath(index).split('/').at(-1) ?? '');
    if (section === undefined) break;
    results.push({ command: command.run, ...section });
  }
  const isComplete = results.length === commands.length && /^@done$/m.test(text.replaceAll('\r', ''));
  return { results, dmesg: sections.get('dmesg')?.output ?? '', isComplete };
}
