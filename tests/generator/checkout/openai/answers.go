package openai

import "github.com/gin-gonic/gin"

type AnswerRequest struct {
	Question string `json:"question"`
}

type Answer struct {
	Text string `json:"text"`
	Sure any    `json:"sure"`
}

func AnswerMiddleware() gin.HandlerFunc {
	return func(c *gin.Context) {
		var req AnswerRequest
		c.ShouldBindJSON(&req)
	}
}

func events() []string {
	return []string{"answer.delta", "answer.end", "answer.pause", "Answer. Or not", "answer."}
}
