// Pictures of the town for people, taken when SCREENSHOTS names a folder for them. Without it the
// same screens are opened all the same, so that the pictures can always be taken.

import { test } from 'node:test';
import { DESK, PHONE, inWindow, withBrowser } from './browser.mjs';
import { atDesk, idOf, openDesk } from './desk.mjs';
import { body, editorIsReady } from './editor.mjs';
import { take } from './picture.mjs';
import { pageWith, visit } from './town.mjs';

withBrowser();

const ON_A_PHONE = { deviceScaleFactor: 2 };

/** A page that shows much of what a page can be: facts, a contents list, a table, files. */
const goodPage = async (context) =>
  pageWith(context, 'class="facts"', 'class="contents"', '<table', 'class="files"');

const reader = (name, viewport, options, show) =>
  test(name, () =>
    inWindow(viewport, options, async (page, context) => {
      await show(page, context);
      await take(page, name);
    }),
  );

const staff = (name, viewport, options, show) =>
  test(name, () =>
    atDesk(
      async (page, context) => {
        await show(page, context);
        await take(page, name);
      },
      viewport,
      options,
    ),
  );

const showHome = (page) => visit(page, '/');
const showPage = async (page, context) => visit(page, await goodPage(context));

async function showEditor(page, context) {
  await openDesk(page, `/pages/${await idOf(page, await goodPage(context))}/`);
  await editorIsReady(page);
  await body(page).evaluate((text) => {
    text.closest('#editor').scrollIntoView({ block: 'start' });
    window.scrollBy(0, -48);
  });
}

reader('home-desk', DESK, {}, showHome);
reader('home-phone', PHONE, ON_A_PHONE, showHome);
reader('page-desk', DESK, {}, showPage);
reader('page-phone', PHONE, ON_A_PHONE, showPage);
reader('calendar-desk', DESK, {}, (page) => visit(page, '/calendar/'));
staff('staff-list-desk', DESK, {}, (page) =>
  openDesk(page, '/pages/?category=kosodate'),
);
staff('editor-desk', DESK, {}, showEditor);
staff('editor-phone', PHONE, ON_A_PHONE, showEditor);
