"""The panels in their webview, in the words of a person who looks at them. They are the page's own.

Those in a file that was kept of them are looked at in the same words.
"""

import re
from dataclasses import dataclass
from typing import Any


@dataclass
class PanelView:
    """The document inside the webview of VS Code."""

    page: Any

    @property
    def frame(self) -> Any:
        return self.page.frame_locator("iframe.webview.ready").frame_locator("iframe#active-frame")

    def tab(self, name: str) -> None:
        """Go to a panel, and wait until it shows what it has."""
        self.frame.get_by_role("tab", name=name).click()
        self.frame.locator("[aria-busy=false]").first.wait_for()
        self.frame.locator("[aria-busy=true]").wait_for(state="detached")

    def at(self, step: int, stage: str = "search") -> None:
        """Wait until the Decode panel stands at a step and stage, and shows it."""
        self.frame.locator(".head .where").filter(has_text=re.compile(rf"step {step}$")).wait_for()
        self.frame.locator(".head [aria-current]").filter(has_text=stage).wait_for()
        self.frame.locator(".decode[aria-busy=false]").wait_for()

    def attention(self) -> list[float]:
        """The weights that the sliders show."""
        sliders = self.frame.get_by_role("slider", name=re.compile("^Attention on"))
        return [float(sliders.nth(at).get_attribute("aria-valuenow")) for at in range(sliders.count())]

    def drag_attention(self, place: int) -> None:
        """Drag the weight of a source token to the top."""
        slider = self.frame.get_by_role("slider", name=re.compile(f"^Attention on.* token {place}, "))
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        across = box["x"] + box["width"] / 2
        self.page.mouse.move(across, box["y"] + box["height"] - 1)
        self.page.mouse.down()
        self.page.mouse.move(across, box["y"] + 1, steps=4)
        self.page.mouse.up()

    def candidates(self, step: int) -> Any:
        """The likeliest tokens that are drawn at a step."""
        return self.frame.get_by_role("list", name=f"Likeliest tokens at step {step}").get_by_role("button")

    def button(self, name: str) -> Any:
        return self.frame.get_by_role("button", name=name, exact=True)


class KeptView(PanelView):
    """The panels in a file that was kept, which is the whole page."""

    @property
    def frame(self) -> Any:
        return self.page
