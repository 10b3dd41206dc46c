"""What an editor would bring, in the page: run control, sentences, breakpoints, variables, the console."""

import re


def test_stepping_forth_and_back(sheet):
    sheet.begin("March 3, 1999\nJ 4, 2005")
    assert sheet.step.endswith("encoder")
    sheet.go("Next stage")
    assert sheet.step.endswith("decoder")
    sheet.go("Next token")
    assert sheet.step == "Line 1, step 0, search"
    sheet.go("To the end of the sentence")
    last = sheet.step
    sheet.go("Back a token")
    sheet.go("Back a stage")
    assert sheet.step.endswith("prediction")
    sheet.page.keyboard.press("F8")
    sheet.page.get_by_role("status").filter(has_text="The end.").wait_for()
    assert last.startswith("Line 1, step 10")


def test_outputs_stand_below_their_sentences_and_a_dot_is_a_breakpoint(sheet):
    sheet.begin("March 3, 1999\nJ 4, 2005\n24. Okt 1987")
    sheet.button("Breakpoint on line 2").click()
    sheet.button("Continue").click()
    sheet.stopped("Stopped: breakpoint")
    outputs = sheet.page.locator("[aria-label=Sentences] .output")
    outputs.first.wait_for()
    assert outputs.all_inner_texts() == ["→ 1999-03-03"]
    assert sheet.page.locator("[aria-label=Sentences] [aria-current]").inner_text().startswith("2")
    assert sheet.to_the_end() == ["1999-03-03", "2005-07-04", "1987-10-24"]


def test_a_condition_that_is_wrong_says_so_and_a_right_one_stops(sheet):
    sheet.begin("J 4, 2005", beam=3)
    sheet.page.get_by_label("Low confidence", exact=True).check()
    condition = sheet.page.get_by_label("Condition of Low confidence")
    condition.fill("p <")
    condition.press("Enter")
    sheet.page.locator(".rules .problem").wait_for()
    assert "S2S42" in sheet.page.locator(".rules .problem").inner_text()
    condition.fill("p < 0.7")
    condition.press("Enter")
    sheet.page.wait_for_selector(".rules .problem", state="detached")
    sheet.button("Continue").click()
    sheet.stopped("Watch rule lowConfidence")
    assert sheet.run("p < 0.7") == "True"
    sheet.page.get_by_label("Unsure below").fill("0.7")
    unsure = sheet.page.locator(".target .token", has=sheet.page.locator(":scope.unsure"))
    assert unsure.all_inner_texts() == ["7"]


def test_the_console_evaluates_completes_and_commands(sheet):
    sheet.begin("J 4, 2005", beam=2)
    for _ in range(2):
        sheet.go("Next token")
    assert sheet.run("step") == "1"
    assert sheet.run("nonsense_").startswith("S2S42")
    field = sheet.page.get_by_role("combobox", name="Expression or command")
    field.press_sequentially("entr")
    sheet.page.get_by_role("option", name=re.compile("^entropy")).wait_for()
    field.press("Tab")
    assert field.input_value() == "entropy"
    field.fill("")
    assert "step 1" in sheet.run('force "1"')
    sheet.page.get_by_role("button", name=re.compile("^step 1: '1'.*forced")).wait_for()
    sheet.run("undo")
    sheet.page.get_by_role("button", name=re.compile("^step 1: '0'")).wait_for()
    field.press("ArrowUp")
    assert field.input_value() == "undo"


def test_variables_open_page_and_are_set(sheet):
    sheet.begin("J 4, 2005", beam=2)
    for _ in range(2):
        sheet.go("Next token")
    tree = sheet.page.get_by_role("tree", name="Variables")
    prediction = tree.get_by_role("treeitem", name=re.compile("^Prediction"))
    prediction.focus()
    sheet.page.keyboard.press("ArrowRight")
    token = (
        tree.locator("[role=treeitem]")
        .filter(has=sheet.page.locator(".name", has_text=re.compile("^token$")))
        .last
    )
    token.wait_for()
    token.focus()
    sheet.page.keyboard.press("Enter")
    sheet.page.get_by_label("New value of token").fill("'1'")
    sheet.page.keyboard.press("Enter")
    sheet.page.get_by_role("button", name=re.compile("^step 1: '1'.*forced")).wait_for()


def test_a_refused_launch_says_why_and_can_be_mended(sheet):
    page = sheet.page
    page.get_by_label("Model").fill("no-such-model")
    sheet.button("Begin").click()
    page.get_by_role("alert").wait_for()
    assert "S2S2001" in page.get_by_role("alert").inner_text()
    page.get_by_label("Model").fill("dates")
    page.get_by_text("More settings").click()
    page.get_by_label(re.compile("^Launch arguments as JSON")).fill("{nonsense")
    sheet.button("Begin").click()
    page.get_by_role("alert").filter(has_text="no JSON").wait_for()
    page.get_by_label(re.compile("^Launch arguments as JSON")).fill('{"search": {"beamSize": 2}}')
    sheet.begin("March 3, 1999")
    assert sheet.page.locator(".hypothesis option").count() == 1
    sheet.go("Next token")
    assert sheet.page.locator(".hypothesis option").count() == 2


def test_a_file_is_uploaded_and_a_new_session_begun(sheet):
    sheet.page.get_by_label("or a text file").first.set_input_files(
        {"name": "dates.txt", "mimeType": "text/plain", "buffer": b"March 3, 1999\n\nJ 4, 2005\n"}
    )
    sheet.page.wait_for_function("() => document.querySelector('textarea').value.startsWith('March 3, 1999')")
    sheet.button("Begin").click()
    sheet.stopped()
    assert sheet.to_the_end() == ["1999-03-03", "2005-07-04"]
    sheet.button("Restart").click()
    sheet.stopped()
    sheet.button("New session").click()
    typed = sheet.page.locator("textarea").first
    assert typed.input_value() == "March 3, 1999\n\nJ 4, 2005\n"  # what was filled in is there to go on from
    sheet.begin("24. Okt 1987")
    assert sheet.to_the_end() == ["1987-10-24"]


def test_without_the_token_nobody_is_let_in(chromium, paged):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(paged.origin + "/#" + "0" * 64)
    page.get_by_role("alert").filter(has_text="s2sdap serve --page").wait_for()
    assert page.evaluate("location.hash") == ""
    context.close()


def test_the_token_leaves_the_address_at_once(sheet):
    assert sheet.page.url == sheet.paged.origin + "/"
    assert sheet.paged.token not in sheet.page.content()


def test_a_page_that_is_loaded_again_finds_everything(sheet):
    sheet.begin("March 3, 1999\nJ 4, 2005", beam=2)
    sheet.button("Breakpoint on line 2").click()
    sheet.go("To the end of the sentence")
    before = sheet.step
    sheet.page.reload()
    sheet.stopped("Stopped: step")
    assert sheet.step == before
    outputs = sheet.page.locator("[aria-label=Sentences] .output")
    outputs.first.wait_for()
    assert outputs.all_inner_texts() == ["→ 1999-03-03"]
    assert "1999-03-03" in sheet.page.locator(".log").inner_text()
    assert sheet.button("Breakpoint on line 2").get_attribute("aria-pressed") == "true"
    sheet.button("Continue").click()
    sheet.stopped("Stopped: breakpoint")
    sheet.to_the_end()
    outputs.nth(1).wait_for()
    assert outputs.all_inner_texts() == ["→ 1999-03-03", "→ 2005-07-04"]


def test_a_run_is_paused_and_goes_on_from_there(sheet, tmp_path):
    (tmp_path / "dates.txt").write_text("March 3, 1999\n" * 20_000, "utf-8")  # nobody waits for its end
    sheet.page.get_by_label("A file on the server's machine").check()
    sheet.page.get_by_label("Path of the file").fill(str(tmp_path / "dates.txt"))
    sheet.button("Begin").click()
    sheet.stopped()
    sheet.button("Continue").click()
    sheet.button("Pause").click()
    sheet.stopped("Stopped: pause")
    sheet.go("Next token")


def test_a_file_of_the_servers_machine_and_a_recorded_session_are_opened(sheet, scripted, tmp_path):
    (tmp_path / "dates.txt").write_text("J 4, 2005\n", "utf-8")
    sheet.page.get_by_label("A file on the server's machine").check()
    sheet.page.get_by_label("Path of the file").fill(str(tmp_path / "dates.txt"))
    sheet.button("Begin").click()
    sheet.stopped()
    assert sheet.to_the_end() == ["2005-07-04"]

    scripted.launch(source="J 4, 2005")
    scripted.next()
    scripted.save(tmp_path / "kept.s2s")
    sheet.button("New session").click()
    sheet.page.get_by_label("A recorded session").check()
    sheet.page.get_by_label("Path of the session file").fill(str(tmp_path / "kept.s2s"))
    sheet.button("Begin").click()
    sheet.stopped()
    assert sheet.run("token") == scripted.evaluate("token").result
    sheet.tab("Verdict")
    sheet.page.get_by_role("status").filter(has_text="a verdict runs the model").wait_for()
    assert sheet.button("Find the stage to blame").is_disabled()


def test_a_session_of_a_script_is_watched(sheet, scripted):
    scripted.launch(source="J 4, 2005", beam_size=2)
    scripted.next()
    sheet.page.reload()
    sheet.page.get_by_role("button", name=re.compile("^Watch session")).last.click()
    sheet.page.locator(".decode[aria-busy=false]").wait_for()
    assert sheet.step == "Line 1, step 0, search"
    scripted.next()
    sheet.page.get_by_role("button", name=re.compile("^step 1: '0'")).wait_for()
    assert sheet.button("Next token").is_disabled()
    assert "S2S5107" in sheet.run('force "1"')
    scripted.force("1")
    sheet.page.get_by_role("button", name=re.compile("^step 1: '1'.*forced")).wait_for()
