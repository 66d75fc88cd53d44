import axe from 'axe-core';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { startLockerWorld, type LockerWorld } from '../functions/api/locker-world.ts';
import { towerId } from '../functions/domain/samples.ts';
import { startBrowser, type TestBrowser } from './browser.ts';

const ViolationsSchema = z.array(
  z.looseObject({ id: z.string(), nodes: z.array(z.looseObject({ html: z.string() })) }),
);

const views = [
  { name: 'phone', viewport: { width: 390, height: 844 }, hasTouch: true },
  { name: 'desktop', viewport: { width: 1280, height: 800 }, hasTouch: false },
];
const cases = [true, false].flatMap((javaScriptEnabled) =>
  views.map(({ name, viewport, hasTouch }) => ({ name, viewport, hasTouch, javaScriptEnabled })),
);

let started: TestBrowser;
beforeAll(async () => {
  started = await startBrowser();
}, 60_000);
afterAll(async () => started?.[Symbol.asyncDispose]());

describe.each(cases)('the locker page on a $name, scripts $javaScriptEnabled', (view) => {
  let world: LockerWorld;
  let context: BrowserContext;
  let page: Page;
  let url: string;
  let complaints: string[];

  beforeEach(async () => {
    world = await startLockerWorld(1);
    const body = { towerId, flow: 'dropoff' };
    const { json } = await world.call('POST', '/v1/locker-open-requests', { as: 'opener', body });
    url = `${await world.listen()}${new URL(String(json['link'])).pathname}`;
    const { viewport, hasTouch, javaScriptEnabled } = view;
    context = await started.browser.newContext({ viewport, hasTouch, javaScriptEnabled });
    page = await context.newPage();
    complaints = [];
    // What the page's own policy blocks would show up here.
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
  });
  afterEach(async () => {
    await context?.close();
    await world[Symbol.asyncDispose]();
  });

  const heading = () => page.getByRole('heading', { level: 1 }).textContent();
  const fitsTheScreen = async () => {
    const box = await page.locator('main').boundingBox();
    return box !== null && box.x >= 0 && box.x + box.width <= view.viewport.width;
  };
  const screenshot = async (name: string) => {
    const folder = process.env['SCREENSHOTS'];
    const scripts = view.javaScriptEnabled ? 'js' : 'nojs';
    if (folder !== undefined)
      await page.screenshot({ path: `${folder}/${view.name}-${scripts}-${name}.png` });
  };
  /** axe is a script, which the page’s policy forbids: a copy is checked. It is the same with and without scripts. */
  const violations = async () => {
    if (!view.javaScriptEnabled) return [];
    const html = await page.content();
    const checked = await started.browser.newContext({ viewport: view.viewport, bypassCSP: true });
    try {
      const copy = await checked.newPage();
      await copy.setContent(html);
      await copy.evaluate(axe.source);
      const found: unknown = await copy.evaluate('axe.run().then(({ violations }) => violations)');
      return ViolationsSchema.parse(found).map(
        ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join()}`,
      );
    } finally {
      await checked.close();
    }
  };

  it('opens a locker: name, button, opening, opened, used', async () => {
    await page.goto(url);
    expect(await heading()).toBe('Open locker 1');
    expect(await page.getByText(towerId).isVisible()).toBe(true);
    expect(await fitsTheScreen()).toBe(true);
    const button = page.getByRole('button');
    expect(await button.count()).toBe(1);
    // WCAG 2.2, 2.5.5: fingers need 44 pixels.
    expect((await button.boundingBox())?.height).toBeGreaterThanOrEqual(44);
    await screenshot('ready');
    expect(await violations()).toEqual([]);

    await page.getByLabel('Your name').fill('Luis');
    await button.click();
    await page.waitForURL(url);
    expect(await heading()).toBe('Opening locker 1…');
    await screenshot('opening');
    expect(await violations()).toEqual([]);
    expect(world.commands).toHaveLength(1);

    await world.tell({ type: 'token.used', locker: 1, tokenId: 1 });
    // The page looks again by itself.
    await page.getByRole('heading', { name: 'Locker 1 is open' }).waitFor({ timeout: 10_000 });
    await screenshot('opened');
    expect(await violations()).toEqual([]);

    world.laterBy(600);
    await page.reload();
    expect(await heading()).toBe('This link was already used');
    await screenshot('used');
    expect(await page.getByRole('button').count()).toBe(0);
    expect(await violations()).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('says that the tower is offline and lets one try again; that the link expired; that it is wrong', async () => {
    await page.goto(url);
    await page.getByLabel('Your name').fill('Luis');
    await page.getByRole('button').click();
    await page.waitForURL(url);
    world.laterBy(50);
    await page.getByRole('heading', { name: 'The tower is offline' }).waitFor({ timeout: 10_000 });
    await screenshot('offline');
    expect(await violations()).toEqual([]);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'Opening locker 1…' }).waitFor();
    expect(world.commands).toHaveLength(2);

    world.laterBy(25 * 3_600);
    await page.goto(url);
    expect(await heading()).toBe('This link has expired');
    await screenshot('expired');
    expect(await violations()).toEqual([]);
    await page.goto(`${url}x`);
    expect(await heading()).toBe('This link is not valid');
    await screenshot('wrong');
    expect(await violations()).toEqual([]);
  });

  it('is not left without a name', async () => {
    await page.goto(url);
    await page.getByRole('button').click();
    expect(world.commands).toEqual([]);
    await page.getByLabel('Your name').fill('   ');
    await page.getByRole('button').click();
    await page.getByText('Enter your name.').waitFor();
    await screenshot('name-missing');
    expect(await violations()).toEqual([]);
    expect(world.commands).toEqual([]);
  });
});
