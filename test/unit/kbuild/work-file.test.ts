import { expect, test } from 'vitest';
import { writeCompilerWrapper } from '../../../src/kbuild/compiler-wrapper.js';
import { writeWorkFile } from '../../../src/kbuild/work-file.js';

test('a folder that cannot be made', async () => {
  await expect(writeWorkFile('/dev/null/parts/livepatch.c', '')).rejects.toThrow('work-folder-unwritable');
  const question = { command: ['gcc'], tree: '/dev/null/copy', side: 'original' };
  await expect(writeCompilerWrapper('/dev/null/build', question)).rejects.toThrow('work-folder-unwritable');
});

test('a full disk', async () => {
  await expect(writeWorkFile('/dev/full', 'text')).rejects.toThrow('disk-full');
});
