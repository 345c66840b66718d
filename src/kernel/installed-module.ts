/** Where the modules of a kernel are installed: the file from which the running kernel has loaded a module by its name. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * The installed modules of a release by the names that they run under, as `depmod` has listed them; empty where the
 * release is not installed on this machine. Of several files with one name depmod lists the one that modprobe takes
 * (`updates/` before `kernel/`).
 */
export async function installedModules(release: string, modulesFolder = '/lib/modules'): Promise<Map<string, string>> {
  const folder = path.join(modulesFolder, release);
  const list = await readFile(path.join(folder, 'modules.dep'), 'utf8').catch(() => '');
  const modules = new Map<string, string>();
  for (const line of list.split('\n')) {
    const file = line.slice(0, Math.max(0, line.indexOf(':')));
    const name = /([^/]+)\.ko(\.\w+)?$/.exec(file)?.[1]?.replaceAll('-', '_');
    if (name !== undefined && !modules.has(name)) modules.set(name, path.resolve(folder, file));
  }
  return modules;
}
