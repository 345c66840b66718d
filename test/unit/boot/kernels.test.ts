import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compareReleases, isOfSeries, newestKernel } from '../../boot/kernels.js';

describe('compareReleases', () => {
  test.each([
    ['6.1.0-9-amd64', '6.1.0-10-amd64'],
    ['6.1.9', '6.1.10'],
    ['6.1.99-1-amd64', '6.12.0-1-amd64'],
    ['6.1.0-9-amd64', '6.1.0-9-cloud-amd64'],
    ['6.1', '6.1.1'],
    ['6.12.9+deb12-amd64', '6.12.117+deb12-amd64'],
  ])('%s is older than %s', (older, newer) => {
    expect(compareReleases(older, newer)).toBeLessThan(0);
    expect(compareReleases(newer, older)).toBeGreaterThan(0);
  });

  test('a release is as old as itself', () => {
    expect(compareReleases('6.1.0-9-amd64', '6.1.0-9-amd64')).toBe(0);
  });
});

test('a series does not take in one that begins alike', () => {
  expect(isOfSeries('6.1.0-9-amd64', '6.1')).toBe(true);
  expect(isOfSeries('6.12.9+deb12-amd64', '6.1')).toBe(false);
  expect(isOfSeries('6.1', '6.1')).toBe(true);
  expect(isOfSeries('5.10.0', '6.1')).toBe(false);
});

describe('newestKernel', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'kptool-kernels-'));
    mkdirSync(path.join(root, 'boot'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function install(release: string, { image = true, modules = true, headers = true } = {}): void {
    if (image) writeFileSync(path.join(root, 'boot', `vmlinuz-${release}`), '');
    if (modules) mkdirSync(path.join(root, 'lib/modules', release), { recursive: true });
    if (!headers) return;
    mkdirSync(path.join(root, 'lib/modules', release, 'build'), { recursive: true });
    writeFileSync(path.join(root, 'lib/modules', release, 'build/Makefile'), '');
  }

  test('takes the newest of the series', () => {
    for (const release of ['6.1.0-9-amd64', '6.1.0-10-amd64', '6.12.1-amd64']) install(release);
    expect(newestKernel('6.1', root)).toEqual({
      release: '6.1.0-10-amd64',
      image: path.join(root, 'boot/vmlinuz-6.1.0-10-amd64'),
      buildDirectory: path.join(root, 'lib/modules/6.1.0-10-amd64/build'),
    });
  });

  test('passes over an image without modules and modules without an image', () => {
    install('6.1.0-1-amd64');
    install('6.1.0-2-amd64', { modules: false, headers: false });
    install('6.1.0-3-amd64', { image: false });
    expect(newestKernel('6.1', root)?.release).toBe('6.1.0-1-amd64');
  });

  test('says when headers are missing, and when nothing is there', () => {
    install('6.1.0-1-amd64', { headers: false });
    expect(newestKernel('6.1', root)?.buildDirectory).toBeUndefined();
    expect(newestKernel('6.12', root)).toBeUndefined();
    expect(newestKernel('6.1', path.join(root, 'nowhere'))).toBeUndefined();
  });
});
