import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { installedModules } from '../../../src/kernel/installed-module.js';

describe('installedModules', () => {
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-installed-'));
    await mkdir(path.join(folder, '6.1.0-test'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  const listed = async (lines: readonly string[]) => {
    await writeFile(path.join(folder, '6.1.0-test', 'modules.dep'), `${lines.join('\n')}\n`);
    return installedModules('6.1.0-test', folder);
  };

  test('are known by the names they run under, whatever the file is called', async () => {
    const modules = await listed([
      'kernel/drivers/infiniband/core/ib_cm.ko: kernel/drivers/infiniband/core/ib_core.ko',
      'kernel/sound/pci/hda/snd-hda-intel.ko.xz:',
    ]);
    const release = path.join(folder, '6.1.0-test');
    expect([...modules]).toEqual([
      ['ib_cm', path.join(release, 'kernel/drivers/infiniband/core/ib_cm.ko')],
      ['snd_hda_intel', path.join(release, 'kernel/sound/pci/hda/snd-hda-intel.ko.xz')],
    ]);
  });

  test('an updated module comes before the one it replaces', async () => {
    const modules = await listed(['updates/dkms/ib_cm.ko:', 'kernel/drivers/infiniband/core/ib_cm.ko:']);
    expect(modules.get('ib_cm')).toBe(path.join(folder, '6.1.0-test', 'updates/dkms/ib_cm.ko'));
  });

  test('lines that name no module are left out', async () => {
    expect([...(await listed(['', 'modules.order:', ': nothing', 'no colon.ko']))]).toEqual([]);
  });

  test('a release that is not installed has none', async () => {
    expect((await installedModules('6.1.0-other', folder)).size).toBe(0);
  });
});
