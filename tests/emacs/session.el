;;; session.el --- A person debugs a file of dates in Emacs -*- lexical-binding: t -*-
;; What docs/editors.md writes is loaded before. Each thing that is seen is printed as a line of JSON.

(defvar seen-file (car command-line-args-left))
(setq dap-breakpoints-file (expand-file-name "breakpoints" (file-name-directory seen-file))
      dap-print-io nil
      lsp-session-file (expand-file-name "lsp-session" (file-name-directory seen-file))
      dap-auto-show-output nil)

(defun session () (dap--cur-session))

(defun until (what holds)
  "Read what the adapter says until HOLDS gives something; WHAT is said where it never does."
  (let ((end (+ (float-time) 100)) found)
    (while (not (setq found (funcall holds)))
      (when (> (float-time) end)
        (error "Never: %s" what))
      (accept-process-output nil 0.05))
    found))

(defun tell (name &rest values)
  (princ (concat "seen " (json-encode (cons name values)) "\n")))

(defun stands ()
  "Wait for a stop whose stack has come; tell the first frame, and where Emacs has put the caret."
  (let ((frame (until "a stop with its stack" (lambda () (dap--debug-session-active-frame (session))))))
    (tell 'stop (gethash "name" frame)
          (gethash (dap--debug-session-thread-id (session)) (dap--debug-session-thread-states (session)))
          (line-number-at-pos) (buffer-name))))

(defun evaluated (expression)
  "What `dap-eval' shows for an expression."
  (let (shown)
    (cl-letf (((symbol-function 'dap-overlays--display-interactive-eval-result)
               (lambda (value &rest _) (setq shown value))))
      (dap-eval expression)
      (until expression (lambda () shown)))))

(find-file seen-file)
(dap-mode 1)
(goto-char (point-min))
(forward-line 1)
(dap-breakpoint-add)
(cl-letf (((symbol-function 'read-string) (lambda (&rest _) "p < 0.7")))
  (call-interactively #'dap-breakpoint-condition))
(goto-char (point-min))
(dap-debug (copy-tree (cdr (assoc "s2sdap: this file" dap-debug-template-configurations))))
(stands)
(tell 'verified (mapcar (lambda (each) (gethash "verified" each))
                        (gethash seen-file (dap--debug-session-breakpoints (session)))))
(dap-next (session))
(stands)
(dap-step-in (session))
(stands)
(s2sdap-step-back)
(stands)
(call-interactively #'dap-continue)
(stands)
(tell 'value (evaluated "p"))
(tell 'variables
      (mapcar (lambda (scope) (gethash "name" scope))
              (gethash "scopes" (dap-request (session) "scopes" :frameId
                                             (gethash "id" (dap--debug-session-active-frame (session)))))))
(dap-ui-input-sender nil "force \"1\"")
(until "the edit in the stack"
       (lambda () (string-search "'1'" (gethash "name" (dap--debug-session-active-frame (session))))))
(call-interactively #'dap-continue)
(until "the end" (lambda () (eq (dap--debug-session-state (session)) 'terminated)))
(tell 'output (with-current-buffer (dap--debug-session-output-buffer (session)) (buffer-string)))
(until "the end of the adapter" (lambda () (not (process-live-p (dap--debug-session-proc (session))))))
(tell 'ended)
;;; session.el ends here
