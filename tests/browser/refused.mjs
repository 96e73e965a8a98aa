// The messages that a listener without permission reads, because of the token, the recording or the link.

import { PLAIN, card, scenario } from "./browser.mjs";

await scenario(async ({ sid, missing, expired }, open) => {
  const page = await open(PLAIN);
  const message = async () => {
    const alert = page.getByRole("alert");
    await alert.waitFor();
    return alert.locator("p").textContent();
  };
  const listener = page.getByRole("combobox", { name: "Listening as" });

  await listener.selectOption({ label: "An agent, whose role is not allowed" });
  await card(page, sid).click();
  const role = await message();
  await listener.selectOption({ label: "A listener whose session has ended" });
  const session = await message();

  await listener.selectOption({ label: "A supervisor" });
  await page.getByRole("textbox", { name: "Another recording" }).fill(missing);
  await page.getByRole("button", { name: "Open" }).click();
  const recording = await message();

  // The real function refuses the link. Only the link's listener and time are made up.
  await page.route("**/media-url*", (route) =>
    route.fulfill({ json: { media_url: expired }, headers: { "Access-Control-Allow-Origin": "*" } }),
  );
  await card(page, sid).click();
  const link = await message();
  await page.unroute("**/media-url*");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForFunction(() => document.querySelector("audio").currentTime > 0);
  return { role, session, recording, link, messageLeft: await page.getByRole("alert").isVisible() };
});
