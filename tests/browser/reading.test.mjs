// A reader without JavaScript: finds pages, moves between them, prints them, loads their files.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE, inWindow, withBrowser } from './browser.mjs';
import {
  NO_SUCH_WORDS,
  PUBLIC,
  allPaths,
  firstLink,
  pageOfKind,
  pageUnder,
  pageWith,
  visit,
} from './town.mjs';

withBrowser();

/** A story of a reader whose browser runs no scripts. */
function reader(name, act, viewport = DESK) {
  test(name, () => inWindow(viewport, { javaScriptEnabled: false }, act));
}

const heading = (page) => page.locator('h1').innerText();

reader('from the home page through a category to a page, and back by the breadcrumb', async (page) => {
  await visit(page, '/');
  await page.locator('.tiles a', { hasText: 'くらし' }).click();
  await page.waitForURL(`${PUBLIC}/kurashi/`);
  const category = await heading(page);
  assert.match(category, /くらし/);

  const teaser = page.locator('.teaser-title').first();
  const title = await teaser.innerText();
  await teaser.click();
  await page.waitForURL(/\.html$/);
  assert.equal(await heading(page), title);

  const breadcrumb = page.locator('.breadcrumb');
  assert.equal(await breadcrumb.locator('[aria-current=page]').innerText(), title);
  await breadcrumb.getByRole('link', { name: category, exact: true }).click();
  await page.waitForURL(`${PUBLIC}/kurashi/`);
  await page.locator('.breadcrumb').getByRole('link', { name: 'ホーム' }).click();
  await page.waitForURL(`${PUBLIC}/`);
});

reader('a listing is filtered by kind and turned to its next page', async (page) => {
  await visit(page, '/kurashi/');
  const first = await page.locator('.teaser-title').first().innerText();
  await page.locator('.paging a[rel=next]').click();
  await page.waitForURL(/page=2/);
  assert.notEqual(await page.locator('.teaser-title').first().innerText(), first);

  await page.locator('.kinds').getByRole('link', { name: '手続き', exact: true }).click();
  await page.waitForURL(/kind=procedure/);
  const labels = await page.locator('.teaser .chip').allInnerTexts();
  assert.ok(labels.length > 0, 'no procedures in the listing');
  assert.deepEqual([...new Set(labels)], ['手続き']);
});

reader('the search finds a page by a word of its title', async (page) => {
  const path = await pageOfKind(page, 'procedure');
  await visit(page, path);
  const title = await heading(page);
  // The longest run of one script is a word that stands in the title as it is.
  const words = title.match(/\p{Script=Han}+|\p{Script=Katakana}+|\p{Script=Hiragana}+/gu);
  const word = words.reduce((long, next) => (next.length > long.length ? next : long));

  await visit(page, '/');
  await page.getByLabel('何をお探しですか').fill(word);
  await page.locator('.hero-search').getByRole('button', { name: '検索' }).click();
  await page.waitForURL(/\/search\/\?q=/);
  const found = page.locator(`.teaser-title[href="${path}"]`);
  while ((await found.count()) === 0) {
    const next = page.locator('.paging a[rel=next]');
    assert.ok((await next.count()) > 0, `"${word}" does not find "${title}"`);
    await visit(page, await next.getAttribute('href'));
  }
  await found.click();
  await page.waitForURL(PUBLIC + path);
});

reader('the search says so when it finds nothing', async (page) => {
  await visit(page, '/search/');
  await page.getByLabel('探したい言葉').fill(NO_SUCH_WORDS);
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=/);
  assert.match(await page.locator('main').innerText(), /見つかりませんでした/);
  assert.equal(await page.locator('.teaser').count(), 0);
});

reader('the calendar goes a month ahead, a month back, and to an event', async (page) => {
  await visit(page, '/calendar/');
  const caption = () => page.locator('table.month caption').innerText();
  const thisMonth = await caption();
  await page.locator('.months a[rel=next]').click();
  await page.waitForURL(/\/calendar\/\d{4}-\d{2}\/$/);
  const nextMonth = await caption();
  assert.notEqual(nextMonth, thisMonth);
  await page.locator('.months a[rel=prev]').click();
  await page.getByText(thisMonth, { exact: true }).waitFor();

  await followEvent(page, '.month td a');
});

reader('the calendar of a phone is a list of events', async (page) => {
  await visit(page, '/calendar/');
  assert.equal(await page.locator('table.month').isVisible(), false);
  await followEvent(page, '.events .event a');
}, PHONE);

async function followEvent(page, selector) {
  const event = page.locator(selector).first();
  const title = await event.innerText();
  await event.click();
  await page.waitForURL(/\.html$/);
  assert.equal(await heading(page), title);
}

reader('the language is switched, to the same page where there is one', async (page, context) => {
  await visit(page, '/');
  await page.locator('.languages').getByRole('link', { name: 'English' }).click();
  await page.waitForURL(`${PUBLIC}/en/`);
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  await page.locator('.languages').getByRole('link', { name: '日本語' }).click();
  await page.waitForURL(`${PUBLIC}/`);

  const english = await pageUnder(context, '/en/');
  await visit(page, english);
  const japanese = await firstLink(page, '.translations a[lang=ja]');
  await page.locator('.translations a[lang=ja]').click();
  await page.waitForURL(PUBLIC + japanese);
  assert.equal(await page.locator('html').getAttribute('lang'), 'ja');
  assert.equal(await firstLink(page, '.translations a[lang=en]'), english);
});

reader('the skip link comes first and leads to the main part', async (page) => {
  for (const path of ['/', await pageOfKind(page, 'article')]) {
    await visit(page, path);
    await page.keyboard.press('Tab');
    const skip = page.locator(':focus');
    assert.equal(await skip.getAttribute('href'), '#main', `first in the tab order of ${path}`);
    const box = await skip.boundingBox();
    assert.ok(box.x >= 0 && box.y >= 0 && box.height > 10, 'it is not seen when it has the focus');
    await page.keyboard.press('Enter');
    assert.equal(await page.locator(':focus').getAttribute('id'), 'main');
    await page.keyboard.press('Tab');
    const inMain = await page.evaluate(() => document.activeElement.closest('main') !== null);
    assert.ok(inMain, 'the next stop is not in the main part');
  }
});

reader('the menu of a phone opens and leads to a category', async (page) => {
  await visit(page, '/');
  const link = page.locator('.menu-panel').getByRole('link', { name: 'くらし' });
  assert.equal(await link.isVisible(), false);
  await page.locator('.menu > summary').click();
  await link.click();
  await page.waitForURL(`${PUBLIC}/kurashi/`);
}, PHONE);

reader('print leaves out what is for the screen', async (page) => {
  await visit(page, await pageOfKind(page, 'procedure'));
  const forScreen = ['.header-tools', '.categories-bar', '.breadcrumb', '.site-footer'];
  for (const selector of forScreen) {
    assert.ok(await page.locator(selector).isVisible(), `${selector} on the screen`);
  }
  await page.emulateMedia({ media: 'print' });
  for (const selector of forScreen) {
    assert.equal(await page.locator(selector).isVisible(), false, `${selector} in print`);
  }
  assert.ok(await page.locator('h1').isVisible());
  assert.ok(await page.locator('.contact').isVisible());
});

reader('a file of a page is a PDF', async (page, context) => {
  await visit(page, await pageWith(context, 'class="files"', 'type="application/pdf"'));
  const link = page.locator('.files a[type="application/pdf"]').first();
  assert.match(await link.innerText(), /PDF/, 'the link does not say what it leads to');
  const answer = await context.request.get(PUBLIC + (await link.getAttribute('href')));
  assert.equal(answer.status(), 200);
  assert.equal(answer.headers()['content-type'], 'application/pdf');
  assert.equal((await answer.body()).subarray(0, 5).toString(), '%PDF-');
});

reader('pictures are loaded and have alternative texts', async (page, context) => {
  for (const path of ['/', await pageWith(context, '<figure')]) {
    await visit(page, path);
    const pictures = await page.locator('img').all();
    assert.ok(pictures.length > 0, `${path} has no pictures`);
    for (const picture of pictures) {
      await picture.scrollIntoViewIfNeeded();
      await picture.evaluate((img) => img.decode());
      const { alt, width, src } = await picture.evaluate((img) => ({
        alt: img.getAttribute('alt'),
        width: img.naturalWidth,
        src: img.src,
      }));
      assert.notEqual(alt, null, `${src} has no alt`);
      assert.ok(width > 0, `${src} shows nothing`);
    }
  }
});

reader('the site loads nothing from another host and runs no script', async (page, context) => {
  const requests = [];
  page.on('request', (request) => requests.push(request));
  for (const path of ['/', '/calendar/', (await allPaths(context))[0]]) {
    await visit(page, path);
  }
  assert.ok(requests.length > 3);
  for (const request of requests) {
    assert.ok(request.url().startsWith(`${PUBLIC}/`), request.url());
    assert.notEqual(request.resourceType(), 'script', request.url());
  }
});
