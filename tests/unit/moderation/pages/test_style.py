from moderation.pages.style import style


def test_the_style_loads_nothing_and_knows_dark_screens():
    assert "prefers-color-scheme: dark" in style()
    assert not any(word in style() for word in ("url(", "@import", "http"))
