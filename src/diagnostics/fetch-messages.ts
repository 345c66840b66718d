/** Wording of the findings of `kptool kernel fetch`: what happened, why, what to do. */
import type { Wording } from './diagnostic.js';

const nameIt = (release: string) =>
  `get the source of kernel ${release} in another way, and name it with --sourcedir DIR or --source-archive FILE`;

export const fetchMessages = {
  'source-fetch-unsupported': (details: {
    release: string;
    reason: string;
    install: string | undefined;
    advice: readonly string[];
  }) => ({
    install: details.install,
    exitStatus: 2,
    what: `kptool fetches the sources of kernels through apt, and ${details.reason}.`,
    why: 'Each family of distributions packs the source of its kernels in another way.',
    fix: `Here ${nameIt(details.release)}.`,
    details: details.advice,
  }),
  'source-version-unknown': (details: { release: string; asked: readonly string[]; advice: readonly string[] }) => ({
    exitStatus: 2,
    what: `Nothing says which version of the distribution's source kernel ${details.release} was built from.`,
    why: `Neither its build tree does, nor is one of its packages installed or known to apt: ${details.asked.join(', ')}.`,
    fix: `Check the release, let apt read its lists again (apt-get update), or choose a version with --package-version. For a kernel that no package has, ${nameIt(details.release)}.`,
    details: details.advice,
  }),
  'source-package-unknown': (details: {
    release: string;
    names: readonly string[];
    wanted: string;
    advice: readonly string[];
  }) => ({
    exitStatus: 2,
    what: `apt knows no source package for kernel ${details.release}: none of ${details.names.join(', ')}, of which version ${details.wanted} is wanted.`,
    why: "apt's lists have not been read on this machine, or the sources that it reads do not have the package.",
    fix: `Let apt read its lists (apt-get update), or ${nameIt(details.release)}.`,
    details: details.advice,
  }),
  'source-version-not-offered': (details: {
    release: string;
    wanted: string;
    /** Who says that it must be this version. */
    saidBy: string;
    offered: readonly { readonly package: string; readonly version: string; readonly difference: string }[];
    advice: readonly string[];
  }) => ({
    exitStatus: 2,
    what: `Version ${details.wanted} of the source of kernel ${details.release}, which ${details.saidBy} names, is not on offer.`,
    why: 'A livepatch from another version may not fit what runs. Archives of distributions drop old versions, and lists that are old do not have new ones.',
    fix: `Let apt read its lists again (apt-get update), or ${nameIt(details.release)}. --package-version VERSION takes one that is on offer.`,
    details: [
      ...details.offered.map((offer) => `on offer: ${offer.package} ${offer.version}: ${offer.difference}`),
      ...details.advice,
    ],
  }),
  'package-lists-outdated': (details: { package: string; version: string; lastLines: readonly string[] }) => ({
    exitStatus: 2,
    what: `The archive does not have ${details.package} ${details.version} any more, or not as apt's lists say.`,
    why: 'The lists are older than the archive, or a mirror is being brought up to date. Nothing was kept of it.',
    fix: 'Let apt read its lists again (apt-get update), then fetch again.',
    details: details.lastLines,
  }),
  'package-archive-unreachable': (details: { package: string; version: string; lastLines: readonly string[] }) => ({
    exitStatus: 2,
    what: `The archive that has ${details.package} ${details.version} cannot be reached.`,
    why: 'The package has to be downloaded. Nothing was kept of it.',
    fix: 'Check the network and the proxy of apt, then fetch again; or name a source that is here with --sourcedir or --source-archive.',
    details: details.lastLines,
  }),
  'package-download-failed': (details: { package: string; version: string; lastLines: readonly string[] }) => ({
    exitStatus: 2,
    what: `apt-get did not download ${details.package} ${details.version}.`,
    why: 'Nothing was kept of it.',
    fix: 'Read what it says, remove the cause, and fetch again.',
    details: details.lastLines,
  }),
  'package-damaged': (details: { package: string; version: string; reason: string }) => ({
    exitStatus: 2,
    what: `${details.package} ${details.version} came down, and cannot be used: ${details.reason}.`,
    why: 'Nothing is built from a source that is not what the archive says it is. Nothing was kept of it.',
    fix: 'Fetch again; where it comes again, look for a proxy between this machine and the archive.',
  }),
} satisfies Record<string, (details: never) => Wording>;
