// The staff's site without a mouse: everything is reached, nothing holds the focus, and a dialog
// gives it back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE, inWindow, required, withBrowser } from './browser.mjs';
import { OWN_CATEGORY, asReader, atDesk, beginPage, idOf, openDesk } from './desk.mjs';
import {
  blocks,
  body,
  dialog,
  dialogIsGone,
  editorIsReady,
  hasReachedReaders,
  insertTable,
  tool,
} from './editor.mjs';
import { STAFF, pageOfKind } from './town.mjs';

withBrowser();

/** More stops than any screen of the CMS has before its end. */
const MOST_STOPS = 40;

/** What has the focus, in words: its label, its text or its id. */
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    return element.closest('[role=toolbar]') ? `tool ${element.textContent}` : element.id || element.className;
  });

/** Presses a key until `reached` is true of what has the focus. */
async function press(page, key, what, reached) {
  const passed = [];
  for (let stop = 0; stop < MOST_STOPS; stop += 1) {
    await page.keyboard.press(key);
    const now = await focused(page);
    if (reached(now)) {
      return;
    }
    passed.push(now);
  }
  assert.fail(`${key} does not reach ${what}; it passed ${passed.join(' | ')}`);
}

const toToolbar = (page) => press(page, 'Tab', 'the toolbar', (now) => now.startsWith('tool '));
const toTool = (page, label) =>
  press(page, 'ArrowRight', `the tool ${label}`, (now) => now === `tool ${label}`);
const inBody = (now) => now.includes('ProseMirror');

/** A story with a new page in the editor and the focus in its title. */
const writer = (name, act) =>
  test(name, () =>
    atDesk(async (page) => {
      const begun = await beginPage(page, { title: '鍵盤だけで' });
      await editorIsReady(page);
      await page.locator('#title').focus();
      await act(page, begun);
    }),
  );

writer('the toolbar is one stop, and arrows move in it', async (page) => {
  await toToolbar(page);
  const first = await focused(page);
  await page.keyboard.press('ArrowRight');
  const second = await focused(page);
  assert.notEqual(second, first);
  assert.match(second, /^tool /);
  const stops = page.getByRole('toolbar').locator('button[tabindex="0"]');
  assert.deepEqual(await stops.count(), 1, 'more or less than one stop for Tab');

  await page.keyboard.press('Tab');
  assert.ok(inBody(await focused(page)), 'Tab did not leave the toolbar for the text');
  await page.keyboard.press('Shift+Tab');
  assert.equal(await focused(page), second, 'the toolbar did not keep its place');

  await page.keyboard.press('Home');
  assert.equal(await focused(page), first);
  await page.keyboard.press('ArrowLeft');
  const last = await focused(page);
  await page.keyboard.press('ArrowRight');
  assert.equal(await focused(page), first, 'the arrows do not go around');
  await page.keyboard.press('End');
  assert.equal(await focused(page), last);
});

writer('a tool is used with Enter or Space, and the cursor is back in the text', async (page) => {
  await press(page, 'Tab', 'the text', inBody);
  await page.keyboard.type('持ち物');
  await page.keyboard.press('Shift+Tab');
  await toTool(page, '見出し2');
  await page.keyboard.press('Enter');
  assert.ok(inBody(await focused(page)));
  assert.equal(await body(page).locator('h2').innerText(), '持ち物');
  await page.keyboard.press('Shift+Tab');
  await toTool(page, '見出し3');
  await page.keyboard.press('Space');
  assert.ok(inBody(await focused(page)));
  assert.equal(await body(page).locator('h3').innerText(), '持ち物');
});

for (const label of ['リンク', '表', '画像', '添付', 'ふりがな']) {
  writer(`Escape leaves the dialog ${label}, and the focus is where it was`, async (page) => {
    await press(page, 'Tab', 'the text', inBody);
    await page.keyboard.type('前からある文');
    await page.keyboard.press('Shift+Tab');
    await toTool(page, label);
    await page.keyboard.press('Enter');
    await dialog(page).waitFor();
    const inside = () => page.evaluate(() => document.activeElement.closest('dialog') !== null);
    assert.ok(await inside(), 'the focus did not move into the dialog');
    await page.keyboard.press('Escape');
    await dialogIsGone(page);
    assert.equal(await focused(page), `tool ${label}`);
    assert.deepEqual(await blocks(page), ['前からある文']);
  });
}

writer('Escape after a click on a tool leaves the cursor in the text', async (page) => {
  await body(page).click();
  await page.keyboard.type('前');
  await tool(page, '表').click();
  await dialog(page).waitFor();
  await page.keyboard.press('Escape');
  await dialogIsGone(page);
  await page.keyboard.type('後');
  assert.deepEqual(await blocks(page), ['前後']);
});

writer('the focus stays in a dialog while it is open', async (page) => {
  await body(page).click();
  await tool(page, '表').click();
  await dialog(page).waitFor();
  for (let stop = 0; stop < 12; stop += 1) {
    await page.keyboard.press('Tab');
    const outside = await page.evaluate(() => {
      const { activeElement } = document;
      return activeElement !== document.body && activeElement.closest('dialog') === null;
    });
    assert.equal(outside, false, `stop ${stop} is behind the dialog`);
  }
});

writer('Tab goes from cell to cell, and there is a way out of a table', async (page) => {
  await body(page).click();
  await insertTable(page, { caption: '表', rows: 1, columns: 2 });
  await body(page).locator('th').first().click();
  for (const words of ['一', '二', '三', '四']) {
    await page.keyboard.type(words);
    await page.keyboard.press('Tab');
  }
  assert.deepEqual(await body(page).locator('th, td').allInnerTexts(), ['一', '二', '三', '四']);
  await press(page, 'Tab', 'the button that saves', (now) => now === 'save');
});

for (const viewport of [PHONE, DESK]) {
  test(`what has the focus is seen at ${viewport.width}px, whatever sticks to the window`, () =>
    atDesk(async (page) => {
      const id = await idOf(page, await pageOfKind(page, 'procedure'));
      await openDesk(page, `/pages/${id}/`);
      await editorIsReady(page);
      const hidden = [];
      for (const key of ['Tab', 'Shift+Tab']) {
        for (let last = ''; last !== 'end'; ) {
          await page.keyboard.press(key);
          const { name, seen } = await page.evaluate(whatIsSeen);
          if (!seen) {
            hidden.push(`${name} after ${key}`);
          }
          last = name;
        }
      }
      assert.deepEqual(hidden, []);
    }, viewport));
}

/** Runs in the page: the name of what has the focus, and whether any of it can be seen. */
function whatIsSeen() {
  const element = document.activeElement;
  if (element === document.body) {
    return { name: 'end', seen: true };
  }
  // What of it lies in the window: an editor may be many windows high.
  const { left, top, right, bottom } = element.getBoundingClientRect();
  const [width, height] = [window.innerWidth, window.innerHeight];
  const within = (from, to, most, share) => Math.max(from, 0) * (1 - share) + Math.min(to, most) * share;
  const steps = [0.1, 0.3, 0.5, 0.7, 0.9];
  const points = steps.flatMap((x) =>
    steps.map((y) => [within(left, right, width, x), within(top, bottom, height, y)]));
  const isOwn = ([x, y]) => element.contains(document.elementFromPoint(x, y));
  return { name: element.id || element.textContent.trim().slice(0, 20), seen: points.some(isOwn) };
}

test('a page is published from sign-in to status without a mouse', () =>
  inWindow(DESK, {}, async (page) => {
    await page.goto(`${STAFF}/sign-in?next=/pages/new`);
    await press(page, 'Tab', 'the login', (now) => now === 'login');
    await page.keyboard.type(required('STAFF_LOGIN'));
    await page.keyboard.press('Tab');
    await page.keyboard.type(required('STAFF_PASSWORD'));
    await page.keyboard.press('Enter');
    await page.waitForURL(`${STAFF}/pages/new`);

    const name = `test-keyboard-${Date.now()}`;
    await press(page, 'Tab', 'the title', (now) => now === 'title');
    await page.keyboard.type('鍵盤で公開したページ');
    await press(page, 'Tab', 'the category', (now) => now === 'category');
    await page.keyboard.press('End');
    assert.equal(await page.locator('#category').inputValue(), OWN_CATEGORY);
    await press(page, 'Tab', 'the address', (now) => now === 'name');
    await page.keyboard.type(name);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/pages\/\d+\/$/);
    await editorIsReady(page);

    await press(page, 'Tab', 'the text', inBody);
    await page.keyboard.type('手を動かさずに。');
    await press(page, 'Tab', 'the button that publishes', (now) => now === 'publish');
    const path = (await page.locator('.facts .path').innerText()).trim();
    await page.keyboard.press('Enter');
    await hasReachedReaders(page);
    assert.match((await asReader(path)).text, /手を動かさずに。/);
  }));
