import { describe, expect, test } from 'vitest';
import { parseKernelConfig } from '../../../src/kernel/config.js';
import { textOf, tokenize } from '../../../src/patch/c-tokens.js';
import { isSwitchedOff, isSwitchedOn, tokensInSight } from '../../../src/patch/conditions.js';

const config = parseKernelConfig('CONFIG_ON=y\nCONFIG_MODULAR=m\nCONFIG_HZ=250\n# CONFIG_OFF is not set\n');

describe('isSwitchedOff', () => {
  test.each([
    ['#ifdef CONFIG_OFF', true],
    ['#ifdef CONFIG_ON', false],
    ['#ifdef CONFIG_MODULAR', true],
    ['#ifdef CONFIG_MODULAR_MODULE', false],
    ['#ifdef CONFIG_HZ', false],
    ['#ifndef CONFIG_ON', true],
    ['#ifndef CONFIG_OFF', false],
    ['#ifdef CONFIG_UNKNOWN', false],
    ['#ifndef CONFIG_UNKNOWN', false],
    ['#ifdef DEBUG', false],
    ['#else of #ifdef CONFIG_ON', true],
    ['#else of #ifdef DEBUG', false],
    ['#if 0', true],
    ['#else of #if 0', false],
    ['#if IS_ENABLED(CONFIG_MODULAR)', false],
    ['#if IS_ENABLED(CONFIG_OFF)', true],
    ['#if IS_ENABLED(CONFIG_UNKNOWN)', false],
    ['#if IS_BUILTIN(CONFIG_MODULAR)', true],
    ['#if IS_MODULE(CONFIG_MODULAR)', false],
    ['#if IS_REACHABLE(CONFIG_OFF)', false],
    ['#if defined(CONFIG_OFF)', true],
    ['#if defined CONFIG_OFF', true],
    ['#if !defined(CONFIG_ON)', true],
    ['#if defined(CONFIG_ON) && defined(CONFIG_OFF)', true],
    ['#if defined(DEBUG) && defined(CONFIG_OFF)', true],
    ['#if defined(CONFIG_OFF) || defined(DEBUG)', false],
    ['#if defined(CONFIG_OFF) || IS_ENABLED(CONFIG_OFF)', true],
    ['#if (defined(CONFIG_OFF) && A) || B', false],
    ['#if CONFIG_HZ > 1000', false],
    ['#elif defined(CONFIG_OFF)', true],
  ])('%s: %s', (condition, expected) => {
    expect(isSwitchedOff([condition], config)).toBe(expected);
  });

  test('one false condition of several is enough', () => {
    expect(isSwitchedOff(['#ifdef DEBUG', '#ifdef CONFIG_OFF'], config)).toBe(true);
    expect(isSwitchedOff([], config)).toBe(false);
  });
});

test('isSwitchedOn is certain, too', () => {
  expect(isSwitchedOn(['#ifdef CONFIG_ON'], config)).toBe(true);
  expect(isSwitchedOn(['#ifdef CONFIG_ON', '#ifdef DEBUG'], config)).toBe(false);
  expect(isSwitchedOn([], config)).toBe(true);
});

describe('tokensInSight', () => {
  test.each([
    ['#ifdef CONFIG_ON\na\n#else\nb\n#endif\nc', 'a c'],
    ['#ifdef CONFIG_OFF\na\n#else\nb\n#endif\nc', 'b c'],
    ['#ifdef DEBUG\na\n#else\nb\n#endif\nc', '#ifdef DEBUG a #else b #endif c'],
    ['#ifdef CONFIG_OFF\n#ifdef DEBUG\na\n#endif\nb\n#endif\nc', 'c'],
    ['#if defined(CONFIG_OFF)\na\n#elif defined(CONFIG_ON)\nb\n#else\nc\n#endif', 'b'],
    ['a\n#endif\nb', 'a #endif b'],
  ])('%j', (source, expected) => {
    expect(textOf(tokensInSight(tokenize(source), config))).toBe(expected);
  });
});
